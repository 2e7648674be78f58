package device

import "time"

// SetIdle sets the silence after which a stream ends.
func (c *Client) SetIdle(d time.Duration) { c.idle = d }
