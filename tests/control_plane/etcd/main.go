// Program etcd: as a module, so that its checksums pin it and all that it is built of.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
