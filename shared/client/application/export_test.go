package application

import (
	"context"
	"time"
)

// SetPause replaces the waiting between two attempts.
func (c *Client) SetPause(f func(context.Context, time.Duration) error) { c.pause = f }
