// Package main is what containerd starts for a pod of the runtime class gvisor, and what runs runsc for it. All of it
// is gVisor's own but for Start: gVisor's gives the shim an OOM score of -999, and fails where that is not allowed,
// without CAP_SYS_RESOURCE.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/shim"
	gvisor "gvisor.dev/gvisor/pkg/shim/v1"
	_ "gvisor.dev/gvisor/pkg/shim/v1/plugin"
)

func main() {
	shim.Run(context.Background(), manager{gvisor.NewShimManager("io.containerd.runsc.v1")})
}

type manager struct{ shim.Manager }

// Start starts the shim of one pod and returns where it listens. The pod's containers are given to the same shim.
func (manager) Start(ctx context.Context, id string, options shim.StartOpts) (shim.BootstrapParams, error) {
	var params shim.BootstrapParams
	namespace, err := namespaces.NamespaceRequired(ctx)
	if err != nil {
		return params, err
	}
	address, err := shim.SocketAddress(ctx, options.Address, id, options.Debug)
	if err != nil {
		return params, err
	}
	socket, err := listen(address)
	if err != nil {
		return params, fmt.Errorf("the socket of the shim: %w", err)
	}
	// The shim reads it when it starts, and removes the socket when it ends.
	if err := os.WriteFile("address", []byte(address), 0o644); err != nil {
		return params, err
	}
	if err := startServer(namespace, id, options, socket); err != nil {
		_ = shim.RemoveSocket(address)
		return params, err
	}
	return shim.BootstrapParams{Version: 2, Address: address, Protocol: "ttrpc"}, nil
}

// listen takes the place of a socket that nobody listens on: its shim was killed.
func listen(address string) (*net.UnixListener, error) {
	socket, err := shim.NewSocket(address)
	if err == nil || !shim.SocketEaddrinuse(err) || shim.CanConnect(address) {
		return socket, err
	}
	if err := shim.RemoveSocket(address); err != nil {
		return nil, err
	}
	return shim.NewSocket(address)
}

// startServer runs this program again, to serve on the socket. It outlives this process.
func startServer(namespace, id string, options shim.StartOpts, socket *net.UnixListener) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	file, err := socket.File()
	if err != nil {
		return err
	}
	defer file.Close()
	command := exec.Command(self, "-namespace", namespace, "-address", options.Address, "-id", id)
	if options.Debug {
		command.Args = append(command.Args, "-debug")
	}
	command.Env = append(os.Environ(), "GOMAXPROCS=2")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.ExtraFiles = []*os.File{file}
	if err := command.Start(); err != nil {
		return err
	}
	return shim.WritePidFile("shim.pid", command.Process.Pid)
}
