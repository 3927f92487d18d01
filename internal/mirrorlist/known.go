package mirrorlist

import "slices"

// Known is a public family of lists, and which archive of the catalogue it lists.
type Known struct {
	Archive string
	List
}

// All are the families that the distributions' own .repo files name.
var All = slices.Concat(
	family("fedora", Metalink, "https://mirrors.fedoraproject.org/metalink?repo=ID&arch=$basearch",
		"fedora-$releasever", "releases/$releasever/Everything/$basearch/os",
		"fedora-debug-$releasever", "releases/$releasever/Everything/$basearch/debug/tree",
		"fedora-source-$releasever", "releases/$releasever/Everything/source/tree",
		"updates-released-f$releasever", "updates/$releasever/Everything/$basearch",
		"updates-released-debug-f$releasever", "updates/$releasever/Everything/$basearch/debug",
		"updates-released-source-f$releasever", "updates/$releasever/Everything/source/tree",
		"updates-testing-f$releasever", "updates/testing/$releasever/Everything/$basearch",
		"updates-testing-debug-f$releasever", "updates/testing/$releasever/Everything/$basearch/debug",
		"updates-testing-source-f$releasever", "updates/testing/$releasever/Everything/source/tree",
		"rawhide", "development/rawhide/Everything/$basearch/os",
		"fedora-rawhide", "development/rawhide/Everything/$basearch/os",
		"rawhide-debug", "development/rawhide/Everything/$basearch/debug/tree",
		"rawhide-source", "development/rawhide/Everything/source/tree",
	),
	family("epel", Metalink, "https://mirrors.fedoraproject.org/metalink?repo=ID&arch=$basearch",
		// EPEL 7 and older had no Everything; they are in Fedora's archive now.
		"epel-$releasever", "$releasever/Everything/$basearch",
		"epel-debug-$releasever", "$releasever/Everything/$basearch/debug",
		"epel-source-$releasever", "$releasever/Everything/source/tree",
		"testing-epel$releasever", "testing/$releasever/Everything/$basearch",
		"testing-debug-epel$releasever", "testing/$releasever/Everything/$basearch/debug",
		"testing-source-epel$releasever", "testing/$releasever/Everything/source/tree",
		"epel-next-$releasever", "next/$releasever/Everything/$basearch",
	),
	family("centos-stream", Metalink, "https://mirrors.centos.org/metalink?repo=ID&arch=$basearch",
		"centos-baseos-$stream", "$stream/BaseOS/$basearch/os",
		"centos-appstream-$stream", "$stream/AppStream/$basearch/os",
		"centos-crb-$stream", "$stream/CRB/$basearch/os",
		"centos-highavailability-$stream", "$stream/HighAvailability/$basearch/os",
		"centos-nfv-$stream", "$stream/NFV/$basearch/os",
		"centos-rt-$stream", "$stream/RT/$basearch/os",
		"centos-resilientstorage-$stream", "$stream/ResilientStorage/$basearch/os",
		"centos-baseos-debug-$stream", "$stream/BaseOS/$basearch/debug/tree",
		"centos-appstream-debug-$stream", "$stream/AppStream/$basearch/debug/tree",
		"centos-crb-debug-$stream", "$stream/CRB/$basearch/debug/tree",
		"centos-baseos-source-$stream", "$stream/BaseOS/source/tree",
		"centos-appstream-source-$stream", "$stream/AppStream/source/tree",
		"centos-crb-source-$stream", "$stream/CRB/source/tree",
		"centos-extras-sig-extras-common-$stream", "SIGs/$stream/extras/$basearch/extras-common",
	),
	family("rocky", Mirrorlist, "https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=ID",
		"BaseOS-$releasever", "$releasever/BaseOS/$basearch/os",
		"AppStream-$releasever", "$releasever/AppStream/$basearch/os",
		"CRB-$releasever", "$releasever/CRB/$basearch/os",
		"PowerTools-$releasever", "$releasever/PowerTools/$basearch/os",
		"extras-$releasever", "$releasever/extras/$basearch/os",
		"HighAvailability-$releasever", "$releasever/HighAvailability/$basearch/os",
		"devel-$releasever", "$releasever/devel/$basearch/os",
	),
	// AlmaLinux's lists are for all architectures: dnf puts $basearch in itself.
	family("almalinux", Mirrorlist, "https://mirrors.almalinux.org/mirrorlist/$releasever/ID",
		"baseos", "$releasever/BaseOS/$basearch/os",
		"appstream", "$releasever/AppStream/$basearch/os",
		"crb", "$releasever/CRB/$basearch/os",
		"powertools", "$releasever/PowerTools/$basearch/os",
		"extras", "$releasever/extras/$basearch/os",
		"highavailability", "$releasever/HighAvailability/$basearch/os",
	),
)
