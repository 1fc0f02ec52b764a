// Command raytrace renders spheres on a chequered floor, mirrored in each other, and
// writes a PNG. How long a pixel takes depends on what is seen there: a parallel For cuts
// the rows as it finds Ps without work, so that nobody has to know where the mirrors are.
//
// With -o it writes the picture to a file. It renders serially, too, and compares.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"os"
	"strings"

	"github.com/runq-go/runq"
)

const width, height = 480, 320

func main() {
	out := flag.String("o", "", "`file` to write the PNG to")
	flag.Parse()

	got := image.NewRGBA(image.Rect(0, 0, width, height))
	err := runq.For(nil, height, func(t *runq.Task, lo, hi int) {
		for y := lo; y < hi; y++ {
			row(got, y)
		}
	}, runq.Progress(bar))
	if err != nil {
		log.Fatal(err)
	}

	want := image.NewRGBA(got.Rect)
	for y := range height {
		row(want, y)
	}
	fmt.Println("the same as serially:", bytes.Equal(got.Pix, want.Pix))

	var file bytes.Buffer
	if err := png.Encode(&file, got); err != nil {
		log.Fatal(err)
	}
	if *out != "" {
		if err := os.WriteFile(*out, file.Bytes(), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	back, err := png.Decode(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a PNG of", back.Bounds().Dx(), "x", back.Bounds().Dy())

	// Output:
	// the same as serially: true
	// a PNG of 480 x 320
}

// vec is a point, a direction or a colour.
type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec            { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) scale(f float64) vec      { return vec{a.x * f, a.y * f, a.z * f} }
func (a vec) dot(b vec) float64        { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vec) unit() vec                { return a.scale(1 / math.Sqrt(a.dot(a))) }
func (a vec) mix(b vec, f float64) vec { return a.scale(1 - f).add(b.scale(f)) }

type sphere struct {
	at     vec
	radius float64
	colour vec
	mirror float64 // how much of the light it reflects
}

var scene = []sphere{
	{vec{0, 1, 0}, 1, vec{0.9, 0.9, 0.9}, 0.8},
	{vec{-2.1, 0.8, 0.6}, 0.8, vec{0.9, 0.3, 0.2}, 0.3},
	{vec{2, 0.7, 0.4}, 0.7, vec{0.2, 0.4, 0.9}, 0.5},
	{vec{0.7, 0.35, -1.6}, 0.35, vec{0.3, 0.8, 0.3}, 0.2},
	{vec{-0.9, 0.3, -1.7}, 0.3, vec{0.9, 0.8, 0.2}, 0.6},
}

var light = vec{-0.5, 1, -0.7}.unit()

// hit returns how far along the ray the sphere is, +Inf if it isn't met.
func (s *sphere) hit(from, dir vec) float64 {
	to := s.at.add(from.scale(-1))
	mid := to.dot(dir)
	d := s.radius*s.radius - to.dot(to) + mid*mid
	if d < 0 {
		return math.Inf(1)
	}
	if near := mid - math.Sqrt(d); near > 1e-6 {
		return near
	}
	return math.Inf(1)
}

// nearest returns the first sphere on the ray, nil if there is none.
func nearest(from, dir vec) (first *sphere, dist float64) {
	dist = math.Inf(1)
	for i := range scene {
		if d := scene[i].hit(from, dir); d < dist {
			first, dist = &scene[i], d
		}
	}
	return first, dist
}

// trace returns the colour that is seen along the ray, through so many mirrors.
func trace(from, dir vec, mirrors int) vec {
	var colour, normal vec
	var mirror float64
	s, dist := nearest(from, dir)
	floor := -from.y / dir.y
	switch {
	case floor > 1e-6 && floor < dist:
		at := from.add(dir.scale(floor))
		colour, normal, mirror, dist = vec{0.9, 0.9, 0.85}, vec{0, 1, 0}, 0.15, floor
		if (int(math.Floor(at.x))+int(math.Floor(at.z)))%2 != 0 {
			colour = vec{0.15, 0.2, 0.25}
		}
	case s == nil:
		return vec{0.6, 0.75, 1}.mix(vec{1, 1, 1}, 1-max(dir.y, 0)) // the sky
	default:
		colour, mirror = s.colour, s.mirror
		normal = from.add(dir.scale(dist)).add(s.at.scale(-1)).unit()
	}
	at := from.add(dir.scale(dist))
	bright := 0.2
	if in, _ := nearest(at, light); in == nil { // else it is in the shadow
		bright += 0.8 * max(0, normal.dot(light))
	}
	colour = colour.scale(bright)
	if mirrors == 0 {
		return colour
	}
	return colour.mix(trace(at, dir.add(normal.scale(-2*normal.dot(dir))), mirrors-1), mirror)
}

// row renders one row of the picture, four rays for each pixel.
func row(img *image.RGBA, y int) {
	eye := vec{0, 1.6, -5.5}
	for x := range width {
		var sum vec
		for k := range 4 {
			u := (float64(x) + float64(k%2)/2 - width/2) / height
			v := (height/2 - float64(y) - float64(k/2)/2) / height
			sum = sum.add(trace(eye, vec{u, v - 0.1, 1}.unit(), 6))
		}
		sum = sum.scale(255.0 / 4)
		img.SetRGBA(x, y, color.RGBA{uint8(min(sum.x, 255)), uint8(min(sum.y, 255)), uint8(min(sum.z, 255)), 255})
	}
}

// bar draws a progress bar on standard error, if that is a terminal.
func bar(done, total int) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	const width = 40
	fmt.Fprintf(os.Stderr, "\r[%-*s]", width, strings.Repeat("=", width*done/max(total, 1)))
	if done == total {
		fmt.Fprint(os.Stderr, "\r\x1b[K") // erases it
	}
}
