module github.com/nod-auth/nod/shared

go 1.26

require (
	github.com/BurntSushi/toml v1.6.0
	github.com/go-jose/go-jose/v4 v4.1.8
	pgregory.net/rapid v1.3.0
)
