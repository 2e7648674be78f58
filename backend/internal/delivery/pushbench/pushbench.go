// Package pushbench measures how many wake-ups a second the senders make, through the fakes of this tree on loopback.
//
// The fake runs in the same process and shares its processors, so the figures are of both together. push_ratio_apns
// compares the sender with bare HTTP/2 posts of the same bytes and headers to the same fake, in alternating slices of
// the same run, so that it depends little on the machine.
package pushbench

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/apns"
	"github.com/nod-auth/nod/backend/internal/delivery/fcm"
	"github.com/nod-auth/nod/backend/internal/delivery/webpush"
	fakeapns "github.com/nod-auth/nod/backend/internal/fakepush/apns"
	fakefcm "github.com/nod-auth/nod/backend/internal/fakepush/fcm"
	fakewebpush "github.com/nod-auth/nod/backend/internal/fakepush/webpush"
	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	workers = 64
	pairs   = 15 // of slices, for the ratio
	bundle  = "com.example.authenticator"
)

var device = strings.Repeat("a1b2c3d4", 8)

// Measure runs every measurement, each for about d, and hands the lines to print.
func Measure(ctx context.Context, d time.Duration, print func(name string, value float64, unit string)) error {
	for _, measure := range []func(context.Context, time.Duration, func(string, float64, string)) error{measureAPNs, measureFCM, measureWebPush} {
		if err := measure(ctx, d, print); err != nil {
			return err
		}
	}
	return nil
}

func wakeup() delivery.Wakeup {
	return delivery.Wakeup{
		Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](), ExpiresAt: time.Now().Add(90 * time.Second), Language: "en",
	}
}

// rate calls do from all workers for d and returns the calls a second. The first error ends it.
func rate(ctx context.Context, d time.Duration, do func(context.Context) error) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var calls atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range workers {
		all.Go(func() {
			for time.Since(began) < d && ctx.Err() == nil {
				if err := do(ctx); err != nil {
					cancel(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return float64(calls.Load()) / time.Since(began).Seconds(), nil
}

// sending makes one wake-up a call.
func sending(sender delivery.Sender, to delivery.Address) func(context.Context) error {
	return func(ctx context.Context) error {
		if got := sender.Send(ctx, to, wakeup()); got.Outcome != delivery.OutcomeSent {
			return fmt.Errorf("a push gave %s %s", got.Outcome, got.Code)
		}
		return nil
	}
}

func measureAPNs(ctx context.Context, d time.Duration, print func(string, float64, string)) error {
	service, err := fakeapns.Start(fakeapns.Params{Topics: []string{bundle}})
	if err != nil {
		return err
	}
	defer service.Close()
	client, err := apns.New(apns.Params{KeyP8: service.KeyP8, KeyID: service.KeyID, TeamID: service.TeamID, Host: service.URL, Roots: service.Roots})
	if err != nil {
		return err
	}
	send := sending(client.App(bundle), delivery.Address{Channel: delivery.APNs, Kind: delivery.KindProduction, Value: device, App: bundle})
	if err := send(ctx); err != nil {
		return err
	}
	post, err := bare(service)
	if err != nil {
		return err
	}
	service.Pushes.Off()
	var ours float64
	var ratios []float64
	for range pairs {
		a, err := rate(ctx, d/pairs, send)
		if err != nil {
			return err
		}
		b, err := rate(ctx, d/pairs, post)
		if err != nil {
			return err
		}
		ours, ratios = ours+a, append(ratios, a/b)
	}
	slices.Sort(ratios)
	print("push_per_second_apns", ours/pairs, "1/s")
	print("push_ratio_apns", ratios[len(ratios)/2], "ratio") // the median: a neighbor's burst spoils a pair or two
	return nil
}

// bare posts what the sender posted, without building or signing anything.
func bare(service *fakeapns.Service) (func(context.Context) error, error) {
	pushes, authorization := service.Pushes.All(), service.Authorization()
	if len(pushes) == 0 {
		return nil, errors.New("the fake recorded no push")
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: service.Roots}}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, service.URL+"/3/device/"+pushes[0].Token, bytes.NewReader(pushes[0].Payload))
		if err != nil {
			return err
		}
		request.Header = pushes[0].Header.Clone()
		request.Header.Set("Authorization", authorization)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusOK {
			err = fmt.Errorf("a bare post gave %d", response.StatusCode)
		}
		return errors.Join(err, response.Body.Close())
	}, nil
}

func measureFCM(ctx context.Context, d time.Duration, print func(string, float64, string)) error {
	service, err := fakefcm.Start("")
	if err != nil {
		return err
	}
	defer service.Close()
	service.Pushes.Off()
	client, err := fcm.New(fcm.Params{ServiceAccount: service.ServiceAccount, Endpoint: service.Endpoint, Roots: service.Roots})
	if err != nil {
		return err
	}
	perSecond, err := rate(ctx, d, sending(client, delivery.Address{Channel: delivery.FCM, Kind: delivery.KindFID, Value: "installation"}))
	if err != nil {
		return err
	}
	print("push_per_second_fcm", perSecond, "1/s")
	return nil
}

func measureWebPush(ctx context.Context, d time.Duration, print func(string, float64, string)) error {
	service, err := fakewebpush.Start("")
	if err != nil {
		return err
	}
	defer service.Close()
	service.Pushes.Off()
	u, err := url.Parse(service.URL)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	client := guard.New(guard.Params{Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Roots: service.Roots})
	defer client.Close()
	sender, err := webpush.New(webpush.Params{Key: key, Contact: "mailto:ops@example.com", Client: client})
	if err != nil {
		return err
	}
	sub, err := service.Subscribe(sender.PublicKey())
	if err != nil {
		return err
	}
	perSecond, err := rate(ctx, d, sending(sender, delivery.Address{Channel: delivery.WebPush, Value: sub.Endpoint, P256DH: sub.P256DH, Auth: sub.Auth}))
	if err != nil {
		return err
	}
	print("push_per_second_webpush", perSecond, "1/s")
	return nil
}
