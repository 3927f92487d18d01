// Command hello is what the images of registry tests hold: a real program for
// each of their platforms.
package main

import (
	"os"
	"runtime"
)

func main() { os.Stdout.WriteString("hello from " + runtime.GOOS + "/" + runtime.GOARCH + "\n") }
