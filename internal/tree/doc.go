// Package tree walks a directory that somebody else wrote, and opens the files in it.
// Nothing outside of the directory is ever looked at, wherever links lead; what is
// neither a directory nor a plain file is not opened.
package tree
