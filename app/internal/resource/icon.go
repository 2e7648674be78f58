package resource

import (
	"fmt"
	"image/color"
	"sync"

	"fyne.io/fyne/v2"
)

// Icon names one drawn icon. The drawings share a 24 by 24 grid, a stroke of
// two units and round ends, and take their colour when they are asked for.
type Icon string

// The icons of the app.
const (
	IconPlace     Icon = "place"
	IconBrowser   Icon = "browser"
	IconClock     Icon = "clock"
	IconHash      Icon = "hash"
	IconPen       Icon = "pen"
	IconNetwork   Icon = "network"
	IconServer    Icon = "server"
	IconKey       Icon = "key"
	IconList      Icon = "list"
	IconPlus      Icon = "plus"
	IconNext      Icon = "next"
	IconBack      Icon = "back"
	IconBackspace Icon = "backspace"
	IconCross     Icon = "cross"
	IconCheck     Icon = "check"
	IconWarning   Icon = "warning"
	IconShield    Icon = "shield"
	IconPhone     Icon = "phone"
	IconLaptop    Icon = "laptop"
	IconBell      Icon = "bell"
	IconPerson    Icon = "person"
	IconMoon      Icon = "moon"
	IconLetter    Icon = "letter"
	IconLock      Icon = "lock"
	IconScan      Icon = "scan"
	IconImage     Icon = "image"
	IconClipboard Icon = "clipboard"
	IconTrash     Icon = "trash"
	IconOffline   Icon = "offline"
	IconGlobe     Icon = "globe"
	IconPulse     Icon = "pulse"
	IconInfo      Icon = "info"
	IconMoney     Icon = "money"
)

// strokes holds the body of each drawing.
var strokes = map[Icon]string{
	IconPlace:     `<circle cx="12" cy="12" r="6"/><path d="M12 2.500v5M12 16.500v5M2.500 12h5M16.500 12h5"/>`,
	IconBrowser:   `<rect x="4" y="4.500" width="16" height="15" rx="2.500"/><path d="M4 9.500h16"/>`,
	IconClock:     `<circle cx="12" cy="12" r="8"/><path d="M12 7.500V12h3.500"/>`,
	IconHash:      `<path d="M9.500 4 7.500 20M16.500 4l-2 16M4.500 9h16M3.500 15h16"/>`,
	IconPen:       `<path d="M4 20l1-4.500L16.200 4.300a1.700 1.700 0 0 1 2.400 0l1.100 1.100a1.700 1.700 0 0 1 0 2.400L8.500 19 4 20z"/><path d="M14 6.500l3.500 3.500"/>`,
	IconNetwork:   `<path d="M4 8.500h15M15.500 5 19 8.500 15.500 12M20 16H5M8.500 12.500 5 16l3.500 3.500"/>`,
	IconServer:    `<rect x="3.500" y="4" width="17" height="7" rx="2"/><rect x="3.500" y="13" width="17" height="7" rx="2"/><path d="M7.500 7.500h.01M7.500 16.500h.01"/>`,
	IconKey:       `<circle cx="8" cy="15.500" r="4.500"/><path d="M11.300 12.300 20 3.500M16 7.500l3 3"/>`,
	IconList:      `<path d="M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01"/>`,
	IconPlus:      `<path d="M12 5v14M5 12h14"/>`,
	IconNext:      `<path d="M9.500 5.500 16 12l-6.500 6.500"/>`,
	IconBack:      `<path d="M14.500 5.500 8 12l6.500 6.500"/>`,
	IconBackspace: `<path d="M8.500 5.500H20a1.500 1.500 0 0 1 1.500 1.500v10a1.500 1.500 0 0 1-1.500 1.500H8.500L2.500 12z"/><path d="M11.500 9.200l5.600 5.600M17.100 9.200l-5.600 5.600"/>`,
	IconCross:     `<path d="M6 6l12 12M18 6L6 18"/>`,
	IconCheck:     `<path d="M4.500 12.800l5 5L19.500 6.800"/>`,
	IconWarning:   `<path d="M12 4 2.800 19.500h18.400z"/><path d="M12 10v4.500M12 17h.01"/>`,
	IconShield:    `<path d="M12 3l7.500 2.800v5.400c0 4.600-3 8-7.500 9.800-4.500-1.800-7.500-5.200-7.500-9.800V5.800z"/><path d="M8.500 11.800l2.500 2.500 4.500-4.700"/>`,
	IconPhone:     `<rect x="6.500" y="2.500" width="11" height="19" rx="2.500"/><path d="M10.800 18.300h2.400"/>`,
	IconLaptop:    `<rect x="4.500" y="4.500" width="15" height="11" rx="2"/><path d="M2.500 19.500h19"/>`,
	IconBell:      `<path d="M6 10a6 6 0 0 1 12 0c0 5 2 6.500 2 6.500H4S6 15 6 10z"/><path d="M10 20c.500.600 1.200 1 2 1s1.500-.400 2-1"/>`,
	IconPerson:    `<circle cx="12" cy="8" r="4"/><path d="M4.500 20.500c.600-4 3.600-6 7.500-6s6.900 2 7.500 6"/>`,
	IconMoon:      `<path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z"/>`,
	IconLetter:    `<path d="M3 19 8.500 5 14 19M5 14.500h7"/><path d="M15.500 19l3-8 3 8M16.500 16.500h4"/>`,
	IconLock:      `<rect x="4.500" y="10.500" width="15" height="10.500" rx="2.500"/><path d="M8 10.500V7.500a4 4 0 0 1 8 0v3"/>`,
	IconScan:      `<path d="M4 8.500V6a2 2 0 0 1 2-2h2.500M15.500 4H18a2 2 0 0 1 2 2v2.500M20 15.500V18a2 2 0 0 1-2 2h-2.500M8.500 20H6a2 2 0 0 1-2-2v-2.500M4 12h16"/>`,
	IconImage:     `<rect x="3.500" y="4.500" width="17" height="15" rx="2.500"/><circle cx="8.800" cy="9.800" r="1.600"/><path d="M4 17l4.800-4 3.600 3 3.200-3.200 4.900 4.400"/>`,
	IconClipboard: `<rect x="5" y="4.500" width="14" height="16.500" rx="2.500"/><path d="M9 3h6v3.500H9zM9 12h6M9 16h4"/>`,
	IconTrash:     `<path d="M4 6.500h16M9 6.500V4h6v2.500M6 6.500l1 14h10l1-14M10 10.500v6M14 10.500v6"/>`,
	IconOffline:   `<path d="M3 3l18 18M8.500 16.400a5 5 0 0 1 7 0M5.500 12.800a9 9 0 0 1 4.200-2.300M2.500 9a14 14 0 0 1 4-2.500M14.500 10.600a9 9 0 0 1 4 2.200M11 5.300c3.900-.300 7.500 1 10.500 3.700M12 19.500h.01"/>`,
	IconGlobe:     `<circle cx="12" cy="12" r="8.500"/><path d="M3.500 12h17M12 3.500c5 5.500 5 11.500 0 17M12 3.500c-5 5.500-5 11.500 0 17"/>`,
	IconPulse:     `<path d="M2.500 12.500h4.300l2.700-7 4.700 13 2.800-6h4.500"/>`,
	IconInfo:      `<circle cx="12" cy="12" r="8.500"/><path d="M12 11.200v5M12 7.800h.01"/>`,
	IconMoney:     `<rect x="2.500" y="6" width="19" height="12" rx="2.500"/><circle cx="12" cy="12" r="2.800"/><path d="M6 12h.01M18 12h.01"/>`,
}

var drawn sync.Map // iconKey -> fyne.Resource

type iconKey struct {
	name Icon
	rgb  [3]uint8
}

// Icons lists every icon that can be drawn, in no order.
func Icons() []Icon {
	out := make([]Icon, 0, len(strokes))
	for name := range strokes {
		out = append(out, name)
	}
	return out
}

// Draw returns the icon in the given colour (its alpha is ignored). An unknown
// name draws an empty square. It is safe for concurrent use; each pair of name
// and colour is made once.
func Draw(name Icon, c color.Color) fyne.Resource {
	r, g, b, _ := c.RGBA()
	key := iconKey{name, [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}}
	if have, ok := drawn.Load(key); ok {
		return have.(fyne.Resource)
	}
	hex := fmt.Sprintf("#%02x%02x%02x", key.rgb[0], key.rgb[1], key.rgb[2])
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">`+
		`<g fill="none" stroke="%s" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">%s</g></svg>`, hex, strokes[name])
	res := fyne.NewStaticResource(fmt.Sprintf("%s-%s.svg", name, hex[1:]), []byte(svg))
	drawn.Store(key, res)
	return res
}
