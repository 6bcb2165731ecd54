package grid

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhoARecordNames holds which field vouches for what, and that the escapes
// of x509UserProxyFQAN are undone.
func TestWhoARecordNames(t *testing.T) {
	t.Parallel()
	id := func(kind, value string, by Trust) Identity { return Identity{kind, value, by, "test"} }
	for name, c := range map[string]struct {
		fields string
		want   []Identity
	}{
		"FQANs of a document": {
			`"x509UserProxyFQAN":["/C=XX/O=Ex &amp; Co/CN=Doe&comma; John","/cms/Role=NULL/Capability=NULL"],"x509UserProxyFirstFQAN":"/cms/Role=NULL/Capability=NULL"`,
			[]Identity{id("dn", "/C=XX/O=Ex & Co/CN=Doe, John", BySchedd), id("fqan", "/cms/Role=NULL/Capability=NULL", BySchedd)},
		},
		"FQANs of an ad": {
			`"x509UserProxyFQAN":"/C=XX/CN=Doe&comma; &amp;comma; John,/cms/uscms/Role=production/Capability=NULL"`,
			[]Identity{id("dn", "/C=XX/CN=Doe, &comma; John", BySchedd), id("fqan", "/cms/uscms/Role=production/Capability=NULL", BySchedd)},
		},
		"the login stands in the task's name, too": {
			`"CRAB_UserHN":"jdoe","CRAB_Workflow":"190110_061358:jdoe_crab_JetHT"`,
			[]Identity{id("crab", "jdoe", BySubmitter)},
		},
		"the task's name has another login": {
			`"CRAB_UserHN":"victim","CRAB_Workflow":"190110_061358:j.doe-2_crab_x_crab_y"`,
			[]Identity{id("crab", "victim", BySubmitter), id("crab", "j.doe-2", BySubmitter)},
		},
		"a workflow that is no CRAB task": {`"CRAB_Workflow":"task_crab_x"`, nil},
		"what only an ad has": {
			`"CRAB_UserDN":"/CN=J","AcctGroupUser":"jdoe","ConnectClientUser":"jdoe2","User":"cms1727@cms","x509UserProxyEmail":"j@example.org"`,
			[]Identity{id("email", "j@example.org", BySchedd), id("dn", "/CN=J", BySubmitter), id("accounting", "jdoe", BySubmitter), id("connect", "jdoe2", BySubmitter), id("owner", "cms1727", BySchedd)},
		},
		"Owner before User": {`"Owner":"cmst1","User":"other@cms"`, []Identity{id("owner", "cmst1", BySchedd)}},
		"nothing":           {`"CRAB_UserHN":"Unknown","x509userproxysubject":null,"Owner":"undefined","AccountingGroup":"/Expr(x)/"`, nil},
	} {
		got := jobOf(t, `{"GlobalJobId":"s@h#7.1#1",`+c.fields+`}`).Identities
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
