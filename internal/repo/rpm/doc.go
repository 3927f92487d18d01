// Package rpm reads yum and dnf repositories. A directory's repodata/repomd.xml
// names its metadata by checksum; of that, primary names the packages and
// prestodelta the binary differences between them:
//
//	repodata/repomd.xml ──> repodata/<sha256>-primary.xml.gz ──> Packages/h/hello-2.10-1.x86_64.rpm
//
// One repository may hold many such directories, one for each release and
// architecture; the path alone tells which of them a file may belong to.
//
// Formats: createrepo_c and librepo, https://github.com/rpm-software-management.
package rpm
