package gridtest

import (
	"fmt"
	"net/netip"
	"strings"
)

// The batch systems of sites, which decide what the pilot knows of its own job.
const (
	htCondor = "HTCondor"
	slurm    = "SLURM"
	pbs      = "PBS"
)

// site is one CMS site and how its machines are called.
type site struct {
	number  int
	name    string // such as T2_US_UCSD
	weight  float64
	domain  string // made up
	pattern string // of host names, with one number; without a domain on HPC systems
	batch   string
	ces     int
	nodes   int
	cores   int    // of a node
	nat     bool   // nodes have private addresses behind one public one
	sub     string // CMSSubSiteName of an HPC part
}

// siteWeights are the shares of the pool that are known; the rest follows Zipf.
var siteWeights = map[string]float64{
	"T1_US_FNAL": 14, "T2_CH_CERN": 13, "T2_CH_CERN_HLT": 3, "T1_IT_CNAF": 7, "T1_DE_KIT": 4, "T1_ES_PIC": 3, "T1_FR_CCIN2P3": 4, "T1_UK_RAL": 4,
	"T2_US_Caltech": 3, "T2_US_Florida": 3.5, "T2_US_MIT": 3, "T2_US_Nebraska": 4, "T2_US_Purdue": 3.5, "T2_US_UCSD": 4, "T2_US_Vanderbilt": 3, "T2_US_Wisconsin": 4,
	"T2_DE_DESY": 2.5, "T2_UK_London_IC": 2, "T2_IT_Legnaro": 1.5, "T2_FR_GRIF": 1.5, "T2_ES_CIEMAT": 1.2, "T2_BE_IIHE": 1, "T2_DE_RWTH": 1.2,
}

const siteNames = `T0_CH_CERN T1_DE_KIT T1_ES_PIC T1_FR_CCIN2P3 T1_IT_CNAF T1_UK_RAL T1_US_FNAL T2_AT_Vienna T2_BE_IIHE T2_BE_UCL T2_BR_SPRACE T2_BR_UERJ
T2_CH_CERN T2_CH_CERN_HLT T2_CH_CSCS T2_CN_Beijing T2_DE_DESY T2_DE_RWTH T2_EE_Estonia T2_ES_CIEMAT T2_ES_IFCA T2_FI_HIP T2_FR_GRIF T2_FR_IPHC
T2_GR_Ioannina T2_HU_Budapest T2_IN_TIFR T2_IT_Bari T2_IT_Legnaro T2_IT_Pisa T2_IT_Rome T2_KR_KISTI T2_PL_Swierk T2_PT_NCG_Lisbon T2_TR_METU T2_UA_KIPT
T2_UK_London_Brunel T2_UK_London_IC T2_UK_SGrid_RALPP T2_US_Caltech T2_US_Florida T2_US_MIT T2_US_Nebraska T2_US_Purdue T2_US_UCSD T2_US_Vanderbilt
T2_US_Wisconsin T3_US_NERSC T3_US_TACC T3_CH_Volunteer`

// Patterns of host names that are seen in records. The last ones are special:
// machines of a cloud, of an HPC system without domains, and containers.
var hostPatterns = []string{"wn%03d", "node%04d", "red-c%04d", "g%dn1.hep", "clip-c2-%d", "cmswn%d", "compute-0-%d"}

// The sites of which the incidents need something particular.
const (
	siteUCSD      = "T2_US_UCSD" // HTCondor, names whose numbers are not padded: sdsc-1 and sdsc-10
	siteLisbon    = "T2_PT_NCG_Lisbon"
	siteRWTH      = "T2_DE_RWTH"
	siteDESY      = "T2_DE_DESY"
	siteNERSC     = "T3_US_NERSC"
	siteVolunteer = "T3_CH_Volunteer"
)

func newSites(c Config) []*site {
	var all []*site
	rank := 0
	for i, name := range strings.Fields(siteNames) {
		r := stream(c.Seed, "site "+name, 0)
		s := &site{number: i, name: name, ces: 1 + r.IntN(4), cores: 32 << r.IntN(4), nat: r.IntN(10) < 4}
		if s.weight = siteWeights[name]; s.weight == 0 {
			rank++
			s.weight = 4 / float64(rank+3)
		}
		s.domain = strings.ToLower(strings.ReplaceAll(name[3:], "_", "-")) + ".example"
		s.pattern = hostPatterns[r.IntN(len(hostPatterns))]
		switch x := r.IntN(10); {
		case x < 6:
			s.batch = htCondor
		case x < 9:
			s.batch = slurm
		default:
			s.batch = pbs
		}
		switch name {
		case "T2_CH_CERN":
			s.pattern, s.batch, s.nat = "b9p%06x", htCondor, false
		case siteUCSD:
			s.pattern, s.batch, s.nat = "sdsc-%d", htCondor, false
		case siteLisbon, siteRWTH:
			s.batch = slurm
		case siteDESY:
			s.batch = htCondor
		case siteNERSC, "T3_US_TACC":
			s.pattern, s.batch, s.sub = "nid%06d", slurm, name[6:]+"-HPC"
		case siteVolunteer:
			s.pattern, s.batch, s.nat = "", "Unknown", true
		}
		all = append(all, s)
	}
	total := 0.0
	for _, s := range all {
		total += s.weight
	}
	for _, s := range all {
		// As many as a site of that size has, but no more than get a dozen pilots:
		// on a node that nobody else was on nothing can be mixed up.
		most := int(20 + 2500*s.weight/14)
		s.nodes = max(12, min(most, int(float64(c.Jobs)/25*s.weight/total/12)))
	}
	return all
}

func (g *Generator) site(name string) *site {
	for _, s := range g.sites {
		if s.name == name {
			return s
		}
	}
	panic("gridtest: there is no site " + name)
}

// host is the name by which people know a node.
func (s *site) host(node int) string {
	switch {
	case s.pattern == "": // a container's id
		return fmt.Sprintf("%012x", mix(uint64(node)<<8|uint64(s.number))>>16)
	case strings.HasPrefix(s.pattern, "nid"):
		return fmt.Sprintf(s.pattern, node)
	}
	return fmt.Sprintf(s.pattern, node) + "." + s.domain
}

// self is the name that the node gives itself, which the records have: 5 % know
// no domain, 3 % write it with capitals.
func (s *site) self(node int) string {
	host := s.host(node)
	switch x := mix(uint64(s.number)<<32|uint64(node)) % 100; {
	case x < 5:
		short, _, _ := strings.Cut(host, ".")
		return short
	case x < 8:
		return strings.ToUpper(host[:1]) + host[1:]
	}
	return host
}

// public is the address that the schedd sees, from the range for benchmarks; one
// for all nodes behind a NAT.
func (s *site) public(node int) netip.Addr {
	n := 0
	if !s.nat {
		n = 1 + node%2599
	}
	n += s.number * 2600
	return netip.AddrFrom4([4]byte{198, byte(18 + n>>16), byte(n >> 8), byte(n)})
}

// own is the address that the node knows of itself.
func (s *site) own(node int) netip.Addr {
	if !s.nat {
		return s.public(node)
	}
	return netip.AddrFrom4([4]byte{10, byte(node % 7), byte(node >> 8), byte(node)})
}

func (s *site) ce(n int) string { return fmt.Sprintf("ce-%d.%s", n+1, s.domain) }

// resource is a name of the kind that WLCG and OSG use.
func (s *site) resource() string { return strings.ReplaceAll(s.name[6:], "_", "-") + "-LCG2" }
