package pandatest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

var jsonBoth = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}

func (c *contract) alive() {
	const path = "/api/v1/system/is_alive"
	yes := `{"success": true, "message": "", "data": null}`
	c.says(ask{path: path}, yes)
	c.says(ask{path: path, header: http.Header{"Accept": {"application/json"}}}, yes)
	c.says(ask{path: path, header: http.Header{"Content-Type": {"application/json"}}}, yes)
	c.says(ask{path: path, header: http.Header{}}, `{'success': True, 'message': '', 'data': None}`)
	c.says(ask{path: path, header: http.Header{"Accept": {"application/json, */*"}}}, `{'success': True, 'message': '', 'data': None}`)
	c.says(ask{path: path, verb: http.MethodPost, body: "{}"}, `{"success": false, "message": "expecting GET, received POST", "data": null}`)
	status, text := c.raw(ask{path: path, verb: http.MethodPost, body: ""})
	if status != http.StatusInternalServerError || text != "ERROR : received invalid JSON : Expecting value: line 1 column 1 (char 0)" {
		c.Errorf("an empty body: %d %s", status, text)
	}
}

func (c *contract) identity() {
	id := c.job(Job{JobStatus: "running", StartTime: now()})
	refused := `{"success": false, "message": "SSL secure connection is required", "data": null}`
	kill := ask{path: "/api/v1/job/kill", body: map[string]any{"job_ids": []int64{id}, "code": 91}}
	c.says(kill, refused)
	if c.Limited != "" {
		kill.as = c.Limited
		c.says(kill, refused)
	}
	if got := c.column(Active, id, "coalesce(commandtopilot, 'NULL')"); got != "NULL" {
		c.Errorf("flagged by nobody: %s", got)
	}
	// Only the parameters of tasks are told to everybody.
	c.says(ask{path: "/api/v1/task/get_task_parameters?task_id=1"}, `{"success": false, "message": "Task not found", "data": null}`)
	who, _ := c.get(c.Production, "/api/v1/system/get_user_attributes", nil).(map[string]any)
	if who["user_dn_raw"] != c.dn(c.Production) || who["is_production_user"] != true || who["user_dn_clean"] != c.name(c.Production) {
		c.Errorf("%v, want %s in the production role", who, c.dn(c.Production))
	}
	if who, _ = c.get(c.Person, "/api/v1/system/get_user_attributes", nil).(map[string]any); who["is_production_user"] != false {
		c.Errorf("the person is in the production role: %v", who)
	}
}

func (c *contract) arguments() {
	for _, r := range []struct{ body, message string }{
		{`{"job_ids":[1],"code":"91"}`, "Type error: 'code' must be of type int, got str."},
		{`{"job_ids":[1],"code":9.5}`, "Type error: 'code' must be of type int, got float."},
		{`{"job_ids":["1"],"code":91}`, "Type error: All elements in 'job_ids' must be int."},
		{`{"job_ids":[1,null],"code":91}`, "Type error: All elements in 'job_ids' must be int."},
		{`{"job_ids":1,"code":91}`, "Type error: 'job_ids' must be of type list, got int."},
		{`{"job_ids":{"a":1}}`, "Type error: 'job_ids' must be of type list, got dict."},
		{`{"job_ids":[],"use_email_as_id":"no"}`, "Type error: 'use_email_as_id' must be of type bool, got str."},
		{`{"job_ids":[],"kill_options":[1]}`, "Type error: All elements in 'kill_options' must be str."},
		{`{"code":91}`, "Argument error: missing a required argument: 'job_ids'"},
		{`{"job_ids":[],"x":1}`, "Argument error: got an unexpected keyword argument 'x'"},
	} {
		c.says(ask{as: c.Production, path: "/api/v1/job/kill", body: r.body}, `{"success": false, "message": "`+r.message+`", "data": null}`)
	}
	c.says(ask{as: c.Production, path: "/api/v1/job/kill", body: `{"job_ids":[],"code":null}`}, `{"success": true, "message": "", "data": []}`)
	c.says(ask{as: c.Production, path: "/api/v1/job/kill?job_ids=1", header: jsonBoth}, `{"success": false, "message": "expecting POST, received GET", "data": null}`)
	c.says(ask{as: c.Production, path: "/api/v1/job/get_status?job_ids=x"},
		`{"success": false, "message": "Type error: 'job_ids' with value '['x']' could not be casted to type List from list.", "data": null}`)
	c.says(ask{as: c.Production, path: "/api/v1/task/get_job_ids?task_id=x"},
		`{"success": false, "message": "Type error: 'task_id' with value 'x' could not be casted to type int from str.", "data": null}`)
	c.says(ask{as: c.Production, path: "/api/v1/task/get_job_ids"}, `{"success": false, "message": "Argument error: missing a required argument: 'task_id'", "data": null}`)
	for _, body := range []string{`{"job_ids":[1`, `nonsense`, ``} {
		if status, text := c.raw(ask{as: c.Production, path: "/api/v1/job/kill", body: body}); status != http.StatusInternalServerError || !strings.HasPrefix(text, "ERROR : received invalid JSON : ") {
			c.Errorf("the body %q: %d %s", body, status, text)
		}
	}
}

func (c *contract) bodies() {
	id := c.job(Job{JobStatus: "running", StartTime: now()})
	body := fmt.Sprintf(`{"job_ids":[%d],"code":91}`, id)
	c.says(ask{
		as: c.Production, path: "/api/v1/job/kill", body: body,
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Accept": {"application/json"}},
	}, `{"success": false, "message": "Argument error: missing a required argument: 'job_ids'", "data": null}`)
	if status, text := c.raw(ask{as: c.Production, path: "/api/v1/job/kill", body: body, chunks: true}); status == http.StatusOK && !strings.Contains(text, `"success": false`) {
		c.Errorf("a body in chunks: %d %s", status, text)
	}
	if got := c.column(Active, id, "coalesce(commandtopilot, 'NULL')"); got != "NULL" {
		c.Errorf("flagged by a body that is not read: %s", got)
	}
	c.says(ask{as: c.Production, path: "/api/v1/job/kill", body: body, gzip: true}, `{"success": true, "message": "", "data": [true]}`)
	if got := c.column(Active, id, "commandtopilot"); got != "tobekilled" {
		c.Errorf("after a body in gzip: %s", got)
	}
}

func (c *contract) forbidden() {
	for path, name := range map[string]string{
		"/api/latest/job/kill": "kill", "/server/panda/killJobs": "killJobs", "/api/v1/job/nothing": "nothing", "/api/v1/nothing/kill": "kill", "/v1/job/kill": "",
	} {
		if status, text := c.raw(ask{as: c.Production, path: path, body: "{}"}); status != http.StatusForbidden || text != "ERROR : method "+name+" is forbidden" {
			c.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func (c *contract) status() {
	running := c.job(Job{JobStatus: "running", StartTime: now()})
	defined := c.job(Job{Table: Defined, JobStatus: "assigned"})
	old := c.job(Job{Table: Archived, ModificationTime: now().AddDate(0, 0, -1)})
	ids := url.Values{}
	for _, id := range []int64{running, defined, old, c.next()} {
		ids.Add("job_ids", fmt.Sprint(id))
	}
	const lost = `{"command": "tobekilled", "status": "unknown"}`
	c.says(ask{as: c.Person, path: "/api/v1/job/get_status?" + ids.Encode()},
		`{"success": true, "message": "", "data": [{"command": null, "status": "running"}, `+lost+`, `+lost+`, `+lost+`]}`)
}

func (c *contract) tasks() {
	kill := func(as string, id int64) ask {
		return ask{as: as, path: "/api/v1/task/kill", body: map[string]any{"task_id": id, "broadcast": false}}
	}
	id := c.task(Task{})
	refused := `{"success": false, "message": "not the task owner or no production role", "data": null}`
	c.says(kill(c.Person, id), refused)
	c.says(kill(c.Person, c.next()), refused)
	for range 2 {
		c.says(kill(c.Production, id), fmt.Sprintf(`{"success": true, "message": "command=kill is registered for task ID %d. will be executed in a few minutes", "data": 0}`, id))
		rows := All[string](c.Database, `SELECT comm_owner || ' ' || comm_cmd || ' ' || coalesce(comm_ts::text, 'NULL') || ' ' || comm_comment FROM doma_deft.prodsys_comm WHERE comm_task = $1`, id)
		if len(rows) != 1 || rows[0] != "DEFT kill NULL kill by "+c.name(c.Production) {
			c.Errorf("rows of the command: %q", rows)
		}
	}
	own := c.task(Task{UserName: c.name(c.Person)})
	if code := c.post(c.Person, "/api/v1/task/kill", map[string]any{"task_id": own}); fmt.Sprint(code) != "0" {
		c.Errorf("of the own task: %v", code)
	}
	for _, status := range overTasks {
		c.says(kill(c.Production, c.task(Task{Status: status})),
			`{"success": false, "message": "Command rejected: the kill command is not accepted if the task is in `+status+` status ", "data": 4}`)
	}
	for _, id := range []int64{c.next(), c.task(Task{Waiting: true})} {
		c.says(kill(c.Production, id), fmt.Sprintf(`{"success": false, "message": "jediTaskID=%d not found", "data": 2}`, id))
	}
	c.says(ask{as: c.Production, path: "/api/v1/task/kill", body: `{"task_id":"1"}`}, `{"success": false, "message": "Type error: 'task_id' must be of type int, got str.", "data": null}`)
}

func (c *contract) readTasks() {
	id := c.task(Task{UserName: "Reader's User", ReqID: c.base%1_000_000 + 7, TaskName: "user.reader.one", Params: `{"nFiles": 3, "taskName": "user.reader.one"}`})
	job := c.job(Job{JediTaskID: id})
	if got := fmt.Sprint(c.get(c.Person, "/api/v1/task/get_job_ids", url.Values{"task_id": {fmt.Sprint(id)}})); got != fmt.Sprint([]any{float64(job)}) {
		c.Errorf("jobs of the task: %s", got)
	}
	c.says(ask{path: "/api/v1/task/get_task_parameters?task_id=" + fmt.Sprint(id)}, `{"success": true, "message": "", "data": {"nFiles": 3, "taskName": "user.reader.one"}}`)
	since := url.Values{"since": {now().AddDate(0, 0, -1).Format("2006-01-02 15:04:05")}, "dn": {"Reader's User"}}
	if got := c.get(c.Person, "/api/v1/task/get_tasks_modified_since", since); len(fmt.Sprint(got)) != len("map[]") {
		c.Errorf("of a name with an apostrophe, which no user of PanDA has: %v", got)
	}
	named := c.task(Task{UserName: "Contract Reader", ReqID: c.base%1_000_000 + 8})
	since.Set("dn", "Contract Reader")
	got, _ := c.get(c.Person, "/api/v1/task/get_tasks_modified_since", since).(map[string]any)
	one, _ := got[fmt.Sprint(c.base%1_000_000+8)].(map[string]any)
	if len(got) != 1 || fmt.Sprint(one["jediTaskID"]) != fmt.Sprint(float64(named)) || one["status"] != "running" {
		c.Errorf("tasks by their reqid: %v", got)
	}
	since.Set("since", "yesterday")
	if got := fmt.Sprint(c.get(c.Person, "/api/v1/task/get_tasks_modified_since", since)); got != "map[]" {
		c.Errorf("since a time that is none: %s", got)
	}
}

func (c *contract) bans() {
	name := fmt.Sprintf("Contract Bän %d", c.next())
	id := c.Database.AddUser(User{Name: name, Status: "disabled"})
	c.Cleanup(func() { c.Database.Exec("DELETE FROM doma_pandameta.users WHERE id = $1", id) })
	banned, _ := c.get(c.Person, "/api/v1/metaconfig/get_banned_users", nil).(map[string]any)
	if v, found := banned[name]; !found || v != false {
		c.Errorf("%q is not among %v", name, banned)
	}
	c.Database.Exec("UPDATE doma_pandameta.users SET status = NULL WHERE id = $1", id)
	if banned, _ = c.get(c.Person, "/api/v1/metaconfig/get_banned_users", nil).(map[string]any); banned[name] != nil {
		c.Errorf("%q is still among %v", name, banned)
	}
}

func (c *contract) descriptions() {
	running := c.job(Job{JobStatus: "running", StartTime: now(), ComputingSite: "CONTRACT", Parameters: `-a jobO.x.tar.gz -p "a%20b"`, CommandToPilot: "debug"})
	c.Database.AddFile(File{PandaID: running, LFN: "out.root", Type: "output"})
	gone := c.next()
	data, _ := c.get(c.Person, "/api/v1/job/get_description_incl_archive", url.Values{"job_ids": {fmt.Sprint(running), fmt.Sprint(gone)}}).([]any)
	if len(data) != 2 || data[1] != nil {
		c.Fatalf("two jobs, one of which is nowhere: %v", data)
	}
	job, _ := data[0].(map[string]any)
	for key, want := range map[string]any{
		"PandaID": float64(running), "jobStatus": "running", "computingSite": "CONTRACT", "jobParameters": `-a jobO.x.tar.gz -p "a%20b"`,
		"prodUserName": "Contract User", "commandToPilot": "debug", "endTime": nil,
	} {
		if job[key] != want {
			c.Errorf("%s: %v, want %v", key, job[key], want)
		}
	}
	if files, _ := job["Files"].([]any); len(files) != 1 || !strings.Contains(fmt.Sprint(files[0]), "out.root") {
		c.Errorf("Files: %v", job["Files"])
	}
	c.says(ask{as: c.Person, path: "/api/v1/job/get_description?job_ids=" + fmt.Sprint(gone)}, `{"success": true, "message": "", "data": [null]}`)
}
