package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// phone is an enrolled device with keys in memory and its stream open.
type phone struct {
	user     string
	id       protocol.DeviceID
	tenant   protocol.TenantID
	key      *protocol.Signer
	approval *protocol.Signer
	client   *device.Client
	counter  uint64
	arrived  chan arrival
	stream   *device.Stream
}

type arrival struct {
	raw string
	at  time.Time
}

func newSigner() (*protocol.Signer, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return protocol.NewSigner(k)
}

// enroll runs the whole ceremony over HTTP.
func (s *server) enroll(ctx context.Context, user string, client *device.Client) (*phone, error) {
	p := &phone{user: user, client: client, arrived: make(chan arrival, 4)}
	var err error
	if p.key, err = newSigner(); err != nil {
		return nil, err
	}
	if p.approval, err = newSigner(); err != nil {
		return nil, err
	}
	e, err := s.client.CreateEnrollment(ctx, application.EnrollmentRequest{UserRef: user})
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	inv, err := protocol.ParseInvitation(e.InvitationURI, protocol.Scheme)
	if err != nil {
		return nil, err
	}
	proof, err := protocol.Sign(p.approval, &protocol.ApprovalProof{Audience: inv.Server, TokenHash: protocol.TokenHash(inv.Token), DeviceKey: p.key.KeyID()})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	raw, err := protocol.Sign(p.key, &protocol.Enrollment{Audience: inv.Server, IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(time.Minute)), Token: inv.Token,
		Root: inv.Root, Approval: protocol.ApprovalKey{JWK: p.approval.Public(), Proof: proof}, Device: protocol.DeviceInfo{Name: "bench", Platform: "simulator"},
		Levels: protocol.KeyLevels{Device: protocol.LevelSoftware, Approval: protocol.LevelSoftware}, Handle: protocol.RandomText(16)})
	if err != nil {
		return nil, err
	}
	reply, err := client.Enroll(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	keys, err := protocol.VerifyKeys(reply.Keys, inv.Root, 0, now)
	if err != nil {
		return nil, err
	}
	enrolled, err := protocol.VerifyEnrolled(reply.Enrolled, keys, raw)
	if err != nil {
		return nil, err
	}
	p.id, p.tenant = enrolled.Audience, enrolled.Tenant
	_, err = s.client.Confirm(ctx, e.ID, enrolled.ConfirmCode)
	return p, err
}

// listen opens the stream and hands over challenges as they arrive.
func (p *phone) listen(ctx context.Context) error {
	stream, err := p.client.Events(ctx, device.Prove(p.key, p.id, time.Now))
	if err != nil {
		return fmt.Errorf("open the stream: %w", err)
	}
	p.stream = stream
	go func() {
		for {
			e, err := stream.Next()
			if err != nil {
				close(p.arrived)
				return
			}
			if e.Type == device.EventChallenge {
				p.arrived <- arrival{e.Challenge, time.Now()}
			}
		}
	}()
	return nil
}

// sample is one authentication's times.
type sample struct{ toStream, toWaiter time.Duration }

// authenticate runs one whole authentication.
func (s *server) authenticate(ctx context.Context, p *phone) (sample, error) {
	began := time.Now()
	made, err := s.client.CreateChallenge(ctx, application.ChallengeRequest{UserRef: p.user, Transaction: protocol.RandomText(16),
		Action: protocol.Action{Kind: "sign_in"}, Context: application.Context{IP: "203.0.113.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Location: "Porto, Portugal"}})
	if err != nil {
		return sample{}, fmt.Errorf("create: %w", err)
	}
	type waited struct {
		c   application.Challenge
		err error
		at  time.Time
	}
	done := make(chan waited, 1)
	go func() {
		c, err := s.client.Wait(ctx, made.ID)
		done <- waited{c, err, time.Now()}
	}()
	got, open := <-p.arrived
	if !open {
		return sample{}, errors.New("the stream ended")
	}
	p.counter++
	raw, err := protocol.Sign(p.approval, &protocol.Decision{Issuer: p.id, Audience: s.url, Tenant: p.tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(time.Now()),
		Challenge: made.ID, ChallengeHash: protocol.Hash(got.raw), Answer: protocol.Approve, Number: made.Match.Number, Counter: p.counter})
	if err != nil {
		return sample{}, err
	}
	sent := time.Now()
	if _, err := p.client.Decide(ctx, made.ID, raw); err != nil {
		return sample{}, fmt.Errorf("decide: %w", err)
	}
	w := <-done
	if w.err != nil || w.c.Status != protocol.StatusApproved || w.c.Result == "" {
		return sample{}, fmt.Errorf("wait: %s %w", w.c.Status, w.err)
	}
	return sample{toStream: got.at.Sub(began), toWaiter: w.at.Sub(sent)}, nil
}

func measureAuths(ctx context.Context, o options, dir string) error {
	s, err := start(ctx, o.nodd, dir)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	const most = 128
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * most}
	client, err := device.New(device.Params{Server: s.url, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		return err
	}
	phones := make([]*phone, most)
	for i := range phones {
		if phones[i], err = s.enroll(ctx, fmt.Sprintf("user-%d", i), client); err != nil {
			return err
		}
		if err := phones[i].listen(ctx); err != nil {
			return err
		}
	}
	if _, _, err := s.load(ctx, phones[:16], 200); err != nil { // warm up
		return err
	}
	var ratio float64
	for _, n := range []int{2, 16, most} {
		bare := bareCrypto()
		cpu, samples, err := s.load(ctx, phones[:n], o.auths)
		if err != nil {
			return err
		}
		bare = (bare + bareCrypto()) / 2 // before and after, since the machine's speed drifts
		per := cpu.cpu / time.Duration(o.auths)
		line(fmt.Sprintf("auths_per_second_%d", n), float64(o.auths)/cpu.wall.Seconds(), "1/s")
		line(fmt.Sprintf("server_cpu_per_auth_%d", n), float64(per.Microseconds()), "us")
		line(fmt.Sprintf("bare_crypto_%d", n), float64(bare.Nanoseconds())/1000, "us")
		line(fmt.Sprintf("cpu_per_auth_ratio_%d", n), float64(per)/float64(bare), "x")
		report(fmt.Sprintf("create_to_stream_%d", n), samples, func(s sample) time.Duration { return s.toStream })
		report(fmt.Sprintf("decision_to_waiter_%d", n), samples, func(s sample) time.Duration { return s.toWaiter })
		if n == 16 {
			ratio = float64(per) / float64(bare)
		}
	}
	line("cpu_per_auth_ratio", ratio, "x")
	return nil
}

type used struct{ cpu, wall time.Duration }

// load runs total authentications, one at a time per phone.
func (s *server) load(ctx context.Context, phones []*phone, total int) (used, []sample, error) {
	before, err := s.cpu()
	if err != nil {
		return used{}, nil, err
	}
	began := time.Now()
	var left atomic.Int64
	left.Store(int64(total))
	var mu sync.Mutex
	var samples []sample
	var errs []error
	var wg sync.WaitGroup
	for _, p := range phones {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				one, err := s.authenticate(ctx, p)
				mu.Lock()
				samples = append(samples, one)
				errs = append(errs, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	wall := time.Since(began)
	after, err := s.cpu()
	return used{cpu: after - before, wall: wall}, samples, errors.Join(append(errs, err)...)
}

func report(name string, samples []sample, pick func(sample) time.Duration) {
	d := make([]time.Duration, len(samples))
	for i, s := range samples {
		d[i] = pick(s)
	}
	sort.Slice(d, func(i, j int) bool { return d[i] < d[j] })
	line(name+"_p50", float64(d[len(d)/2].Microseconds())/1000, "ms")
	line(name+"_p99", float64(d[len(d)*99/100].Microseconds())/1000, "ms")
}

// bareCrypto returns the CPU time of one P-256 verify and two signs of a digest: nothing else of an authentication.
func bareCrypto() time.Duration {
	const rounds = 2000
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // can't happen: the random source does not fail
	}
	digest := make([]byte, 32)
	before := processCPU()
	for range rounds {
		sig, _ := ecdsa.SignASN1(rand.Reader, key, digest)
		_, _ = ecdsa.SignASN1(rand.Reader, key, digest)
		if !ecdsa.VerifyASN1(&key.PublicKey, digest, sig) {
			panic("a signature does not verify")
		}
	}
	return (processCPU() - before) / rounds
}

func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // can't happen: the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
