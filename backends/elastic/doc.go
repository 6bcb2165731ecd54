// Package elastic reads CMS job records from Elasticsearch 7 and OpenSearch 1 to
// 3: the finished jobs of es-cms and the snapshots of MONIT.
//
// It looks at the live mapping, asks the server only for what backends/grid
// cannot exclude, and matches every record by grid's rules. What the server did
// not give, an index, a shard, an hour, is named in the report.
package elastic
