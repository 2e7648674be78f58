// Package e2e drives the app as a person does: the real program in a real window
// (X11), the real server over HTTP, keys typed by xdotool, and the result
// verified as an application verifies it.
//
// It needs a display, xdotool, ImageMagick, xclip and dbus-daemon; without them
// the tests say so and are skipped, or fail when NOD_REQUIRE_PLATFORMS is 1.
// Pictures of what was seen land in build/shots/e2e.
package e2e_test
