package pc

// Version of vpcs that the virtual PC is compatible with. Clients look for it in the banner.
const Version = "0.8.3"

// VersionText is what "version" and the banner show. The form of its first
// line is a contract: GNS3 finds the version in it.
func VersionText() string {
	return "Welcome to Virtual PC Simulator, version " + Version + " (Lanyard)\n" +
		"This is Lanyard's own virtual PC. It understands the commands of VPCS " + Version + ".\n" +
		"Lanyard is free software under the Apache License 2.0.\n"
}

func banner() string { return "\n" + VersionText() + "\nPress '?' to get help.\n" }
