// Package archive tells what lies where in an ar, tar, zip, rpm or cpio file: which
// run of it is which member's. It unpacks nothing and knows no compression; what it
// tells is a hint for those who look for likeness, and never a promise.
package archive
