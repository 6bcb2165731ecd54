package pandatest

import "encoding/json"

// Queue is a row of schedconfig_json: a queue, to which jobs are brokered, and its site.
type Queue struct {
	Name string
	Site string // atlas_site, such as CERN-PROD
}

// AddQueue adds a queue.
func (d *Database) AddQueue(q Queue) {
	d.t.Helper()
	data, err := json.Marshal(map[string]string{"atlas_site": q.Site, "panda_resource": q.Name, "status": "online"})
	if err != nil {
		d.t.Fatal(err)
	}
	d.insert("doma_panda.schedconfig_json", row{present("panda_queue", q.Name), present("data", string(data)), present("last_update", now())})
}
