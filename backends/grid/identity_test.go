package grid

import "testing"

const cernRobot = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=cmscrab/CN=817881/CN=Robot: cms crab"

func TestResolve(t *testing.T) {
	t.Parallel()
	tcs := "/DC=org/DC=terena/DC=tcs/C=IT/O=Example Institute/CN=Maria Rossi mrossi@example.it"
	agent := "/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms0253.cern.ch"
	people := &Knowledge{Sites: &SiteMap{People: []Alias{{Name: "mrossi", Names: []string{tcs}}, {Name: "jdoe", Names: []string{"jdoe2"}}}}}
	id := func(kind, value string, by Trust) Identity { return Identity{kind, value, by, "test"} }
	for _, c := range []struct {
		name       string
		experiment Experiment
		typ        string
		ids        []Identity
		people     *Knowledge
		username   string
		full, dn   string
		label      string
		disagree   bool
	}{
		{
			"analysis", CMS, "analysis",
			[]Identity{id("crab", "jdoe", BySubmitter), id("dn", cernPerson, BySchedd), id("accounting", "analysis.jdoe", BySubmitter), id("owner", "cms1727", BySchedd)},
			nil, "jdoe", "John Doe", cernPerson, "", false,
		},
		{"snapshot without a DN", CMS, "analysis", []Identity{id("accounting", "highprio.jdoe", BySubmitter)}, nil, "jdoe", "", "", "", false},
		{"DN of another", CMS, "analysis", []Identity{id("crab", "victim", BySubmitter), id("dn", cernPerson, BySchedd)}, nil, "victim", "John Doe", cernPerson, "", true},
		{"accounting of another", CMS, "analysis", []Identity{id("crab", "jdoe", BySubmitter), id("accounting", "analysis.other", BySubmitter)}, nil, "jdoe", "", "", "", true},
		{"two DNs", CMS, "analysis", []Identity{id("dn", tcs, BySchedd), id("dn", "/C=XX/CN=Other Person", BySubmitter)}, nil, "", "Maria Rossi", tcs, "", true},
		{"DN that nobody knows", CMS, "analysis", []Identity{id("crab", "mrossi", BySubmitter), id("dn", tcs, BySchedd)}, nil, "mrossi", "Maria Rossi", tcs, "", false},
		{"DN of another by alias", CMS, "analysis", []Identity{id("crab", "jdoe", BySubmitter), id("dn", tcs, BySchedd)}, people, "jdoe", "Maria Rossi", tcs, "", true},
		{"alias of a login", CMS, "analysis", []Identity{id("crab", "jdoe2", BySubmitter), id("dn", cernPerson, BySchedd)}, people, "jdoe", "John Doe", cernPerson, "", false},
		{"DN alone by alias", CMS, "", []Identity{id("dn", tcs+"/CN=99", BySchedd)}, people, "mrossi", "Maria Rossi", tcs, "", false},
		{"CMS Connect by alias", CMS, "analysis", []Identity{id("connect", "jdoe2", BySubmitter)}, people, "jdoe", "", "", "", false},
		{"CMS Connect of another", CMS, "analysis", []Identity{id("dn", tcs, BySchedd), id("connect", "jdoe2", BySubmitter)}, people, "mrossi", "Maria Rossi", tcs, "", true},
		{"CMS Connect of nobody known", CMS, "analysis", []Identity{id("crab", "mrossi", BySubmitter), id("connect", "other", BySubmitter)}, people, "mrossi", "", "", "", false},
		{"CMS Connect", CMS, "analysis", []Identity{id("connect", "jdoe2", BySubmitter), id("owner", "osg", BySchedd)}, nil, "jdoe2", "", "", "", false},
		{
			"production", CMS, "production",
			[]Identity{id("dn", agent, BySchedd), id("accounting", "production.cmsdataops", BySubmitter), id("request", "pdmvserv_task_X__v1_T_1", BySubmitter), id("owner", "cmst1", BySchedd)},
			nil, "pdmvserv", "", "", labelProduction, false,
		},
		{
			"a person's job is no production, whatever it says", CMS, "production",
			[]Identity{id("dn", cernPerson, BySchedd), id("accounting", "production.cmsdataops", BySubmitter), id("request", "pdmvserv_task_X__v1_T_1", BySubmitter)},
			nil, "jdoe", "John Doe", cernPerson, "", true,
		},
		{
			"production with a DN of nobody known", CMS, "",
			[]Identity{id("dn", tcs, BySchedd), id("request", "pdmvserv_task_X__v1_T_1", BySubmitter), id("owner", "cmst1", BySchedd)},
			nil, "", "Maria Rossi", tcs, "", true,
		},
		{
			"production in the accounts of a person", CMS, "production",
			[]Identity{id("dn", agent, BySchedd), id("accounting", "production.jdoe", BySubmitter), id("request", "pdmvserv_task_X__v1_T_1", BySubmitter)},
			nil, "pdmvserv", "", "", labelProduction, true,
		},
		{"a service's job", CMS, "", []Identity{id("dn", agent, BySchedd), id("owner", "cmst1", BySchedd)}, nil, "cmst1", "", agent, labelService, false},
		{"a pilot's job", CMS, "", []Identity{id("dn", "/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.cern.ch", BySchedd)}, nil, "", "", "/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.cern.ch", labelFactory, false},
		{"a robot's job", CMS, "", []Identity{id("dn", cernRobot, BySchedd)}, nil, "", "", cernRobot, labelRobot, false},
		{"a robot's credential for a person", CMS, "analysis", []Identity{id("crab", "jdoe", BySubmitter), id("dn", cernRobot, BySchedd)}, nil, "jdoe", "", "", "", false},
		{
			"a listed factory with a person's DN", CMS, "",
			[]Identity{id("dn", cernPerson, BySchedd)},
			&Knowledge{Sites: &SiteMap{Factories: []Factory{{DN: cernPerson, Owner: "x"}}}}, "", "", cernPerson, labelFactory, false,
		},
		{
			"the worker node comes last", CMS, "analysis",
			[]Identity{id("crab", "evil", ByPilot), id("dn", cernPerson, BySchedd)},
			nil, "jdoe", "John Doe", cernPerson, "", true,
		},
		{"local account", CMS, "", []Identity{id("owner", "cms1727", BySchedd)}, nil, "cms1727", "", "", labelLocal, false},
		{"said by the pilot", CMS, "analysis", []Identity{id("crab", "jdoe", ByPilot)}, nil, "jdoe", "", "", labelPilotOnly, false},
		{"PanDA", ATLAS, "", []Identity{id("panda", "John Doe", BySchedd), id("dn", cernPerson+"/CN=proxy", BySchedd)}, nil, "John Doe", "John Doe", cernPerson, "", false},
		{"PanDA token", ATLAS, "", []Identity{id("panda", "John DOE", BySchedd), id("dn", cernPerson, BySchedd)}, nil, "John DOE", "John Doe", cernPerson, "", false},
		{"PanDA name of another", ATLAS, "managed", []Identity{id("panda", "Naughty User", BySchedd), id("dn", cernPerson, BySchedd)}, nil, "Naughty User", "John Doe", cernPerson, "", true},
		{"nobody", CMS, "", nil, nil, "", "", "", "", false},
	} {
		p := Resolve(Job{ID: "x", Experiment: c.experiment, Type: c.typ, Identities: c.ids}, c.people)
		if p.Username != c.username || p.Name != c.full || p.DN != c.dn || p.Label != c.label || p.Disagreement != c.disagree || len(p.Identities) != len(c.ids) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}
