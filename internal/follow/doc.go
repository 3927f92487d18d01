// Package follow keeps the mirrors of a group as lists of mirrors have them.
//
//	path ─► the list that covers it ─► fetched, hourly ─► Group.SetListed
//	                                                 └──► digests that repomd.xml may have
//
// A list is fetched when somebody first asks for something below the repository that
// it is of, and again in the background when it is old and somebody asks. The lists'
// own hosts are asked through package upstream, like any mirror.
package follow
