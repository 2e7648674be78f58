package vault

// InTest keeps a test's secrets apart from the person's own.
func InTest(dir, service string) Params { return Params{Dir: dir, service: service} }
