// Package searchtest starts real Elasticsearch 7, OpenSearch 2 and OpenSearch 3
// for tests, from the jars that Maven Central has, and puts proxies in front of
// them that break, refuse and check what passes. A test process starts those it
// asks for, once, and they end with it; servers that already run are named in
// GRIDWARDEN_TEST_SEARCH, as the command hold does.
package searchtest
