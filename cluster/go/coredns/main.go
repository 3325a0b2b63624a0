// CoreDNS with only the plugins that cluster/node/manifests/coredns.json turns on.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

// The order is the order in which the plugins see a query.
var plugins = []string{"health", "ready", "errors", "cache", "template", "kubernetes"}

func main() {
	dnsserver.Directives = plugins
	coremain.Run()
}
