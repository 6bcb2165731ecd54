package grid

import "strings"

// flagsOf has, for each kind of job, the letters that its wrapper takes, each
// that has a value with a colon, as Python's getopt wants them: see
// runGen.py, runAthena.py, … of PanDA's panda-wnscript.
var flagsOf = map[PandaKind]string{
	PandaRun:       "i:o:r:j:l:p:u:a:",
	PandaHPO:       "i:o:r:j:l:p:a:",
	PandaAthena:    "l:r:j:i:o:bcp:u:f:a:m:n:e",
	PandaContainer: "p:o:i:a:r:j:",
	PandaBuildGen:  "i:o:u:r:",
	PandaMerge:     "i:o:r:j:l:p:u:a:t:f:",
	PandaUnknown:   "i:o:r:j:l:p:u:a:f:m:n:bce",
}

// longFlags are the long options of those wrappers, and whether they have a value.
var longFlags = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(`sourceURL bexec containerImage inMap dbrFile dbrRun writeInputToTxt rootVer cmtConfig fileToSave fileToLoad
		oldPrefix newPrefix lfcHost envvarFile accessmode manaVer copytool inputGUIDs minbiasGUIDs cavernGUIDs addPoolFC mcData beamHalo beamGas
		guidBoundary collRefName liveLog eventPickTxt eventPickSt eventPickNum skipInputByRetry tagFileList jem-config mergeType mergeScript
		pandaURL iddsURL pandaID taskID inSampleFile outMetaFile outMetricsFile checkPointToSave checkPointToLoad checkPointInterval segmentID
		maxLoopCount libTgz outDS parentDS parentContainer datadir workdir cvmfs env runtime-version`) {
		all[name] = true
	}
	for _, name := range strings.Fields(`pilotpars debug directIn useAthenaPackages useFileStager useRootCore noCompile useMana useCMake noTarballDownload
		usePFCTurl notExpandDBR noExpandDBR enable-jem mergeOutput givenPFN preprocess postprocess coprocess execWithRealFileNames shipInput corCheck
		notSkipMissing trf ara generalInput useNextEvent useLocalIO codeTrace useAthenaMT useArgJson dryRun mergeSingleFile noX509`) {
		all[name] = false
	}
	return all
}()

// readOptions reads words as Python's getopt does: -p x, -px, --name x, --name=x,
// and a part of a long name that can mean only one. Of an option that is given
// twice the last counts. It ends at the first word that is no option, unless they
// may be mixed, as Python's argparse lets them.
func readOptions(words []string, letters string, mixed bool) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return out
		case strings.HasPrefix(w, "--"):
			name, value, given := strings.Cut(w[2:], "=")
			name, valued := longFlag(name)
			if valued && !given && i+1 < len(words) {
				i++
				value = words[i]
			}
			out["--"+name] = value
		case len(w) > 1 && w[0] == '-':
			i = readLetters(out, words, i, letters)
		case !mixed:
			return out
		}
	}
	return out
}

// readLetters reads the options of one letter in a word, and gives the index of
// the last word that it took.
func readLetters(out map[string]string, words []string, i int, letters string) int {
	for rest := words[i][1:]; rest != ""; {
		letter := rest[:1]
		rest = rest[1:]
		at := strings.Index(letters, letter)
		valued := at >= 0 && letter != ":" && strings.HasPrefix(letters[at+1:], ":")
		if !valued {
			out["-"+letter] = ""
			continue
		}
		if rest == "" && i+1 < len(words) {
			i++
			rest = words[i]
		}
		out["-"+letter] = rest
		break
	}
	return i
}

// longFlag gives the whole name of a long option, and whether it has a value.
func longFlag(name string) (whole string, valued bool) {
	if valued, known := longFlags[name]; known {
		return name, valued
	}
	found := 0
	for full, has := range longFlags {
		if name != "" && strings.HasPrefix(full, name) {
			whole, valued = full, has
			found++
		}
	}
	if found == 1 {
		return whole, valued
	}
	return name, false
}
