package application_test

import (
	"context"
	"fmt"
	"os"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

// secondFactor protects a login, after the password was right. Only nil means that the user approved.
func secondFactor(ctx context.Context, nod *application.Client, user, attempt string, show func(number string)) error {
	challenge, err := nod.CreateChallenge(ctx, application.ChallengeRequest{
		UserRef: user, Transaction: attempt, Action: protocol.Action{Kind: "sign_in"},
	})
	if err != nil {
		return err
	}
	show(challenge.Match.Number)
	final, err := nod.Wait(ctx, challenge.ID)
	if err != nil {
		return err
	}
	_, err = nod.Verify(ctx, final.Result, application.Expect{Subject: user, Transaction: attempt})
	return err
}

// A login is protected by the fifteen lines of secondFactor.
func Example() {
	nod, err := application.New(application.Params{
		URL:         os.Getenv("NOD_URL"),
		Key:         os.Getenv("NOD_API_KEY"),
		Tenant:      protocol.TenantID(os.Getenv("NOD_TENANT")),
		Application: protocol.ApplicationID(os.Getenv("NOD_APPLICATION")),
	})
	if err != nil {
		fmt.Println(err) // at start-up, once
		return
	}
	show := func(number string) { fmt.Println("Open your authenticator and type", number) }
	if err := secondFactor(context.Background(), nod, "u-1842", "login-7f3a", show); err != nil {
		fmt.Println("refused:", err)
		return
	}
	fmt.Println("welcome") // start the session here, and only here
}
