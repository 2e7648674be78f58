//go:build linux && !android

package platform_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/nod-auth/nod/app/internal/platform"
)

func TestTheEndOfASleepAndANetworkWake(t *testing.T) {
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		if os.Getenv("NOD_REQUIRE_PLATFORMS") == "1" {
			t.Fatal(err)
		}
		t.Skip("not installed: dbus-daemon")
	}
	daemon := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Process.Kill(); _ = daemon.Wait() }()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	system, err := dbus.Connect(address) // stands for systemd-logind and NetworkManager
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	woken := make(chan string, 64)
	go platform.New(platform.Params{Name: "Nod", ID: "test.nod"}).Signals.Watch(ctx, func(reason string) { woken <- reason })
	emit := func(name string, v any) {
		if err := system.Emit("/test", name, v); err != nil {
			t.Fatal(err)
		}
	}
	wakes := func(want, name string, v any) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			emit("org.freedesktop.login1.Manager.PrepareForSleep", true) // going to sleep wakes nobody
			emit("org.freedesktop.NetworkManager.StateChanged", uint32(20))
			emit(name, v)
			select {
			case have := <-woken:
				if have != want {
					t.Fatalf("woken by %s, want %s", have, want)
				}
				for len(woken) > 0 {
					<-woken
				}
				return
			case <-time.After(50 * time.Millisecond): // it may not listen yet
			}
		}
		t.Fatalf("%s wakes nobody", name)
	}
	wakes("sleep", "org.freedesktop.login1.Manager.PrepareForSleep", false)
	<-time.After(100 * time.Millisecond)
	for len(woken) > 0 {
		<-woken
	}
	wakes("network", "org.freedesktop.NetworkManager.StateChanged", uint32(70))
}
