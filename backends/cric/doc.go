// Package cric tells which logins and DNs belong to one person of CMS, from CRIC:
// asked over HTTPS, or from a snapshot file of one of its answers. What it says
// is bounded, cleaned and counted; when CRIC cannot be asked, the last good
// answer stands in for it, with its age.
package cric
