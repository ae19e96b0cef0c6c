package app

import "runtime/debug"

// Version returns the version that this program was built from: a tag, or the
// revision with the time of its commit.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, revision := info.Main.Version, ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	if version == "" || version == "(devel)" {
		version = "unreleased"
	}
	if revision != "" {
		return version + " (" + revision[:min(12, len(revision))] + ")"
	}
	return version
}
