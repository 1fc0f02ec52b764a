package epoll

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Poller is a set of watched descriptors.
type Poller struct {
	fd   int
	file *os.File // the same, as Go's network poller knows it
	conn syscall.RawConn
}

// Events is room for what a look finds.
type Events struct {
	// A look that fills it may have left something. Large enough that a busy server's
	// requests cost a small part of a system call each; a table of 1.5 KiB.
	raw [128]unix.EpollEvent
}

// Event says what a descriptor has become.
type Event struct {
	ID       uint64 // as given to Add
	Readable bool   // or it has come to an end, or failed
	Writable bool   // or it has failed
	Partial  bool   // it has come to an end, or failed, or has urgent data
}

// New returns an empty Poller.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile tells what can be polled by this flag.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &Poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// Close frees the Poller and ends its Await. No other method may be called any more.
func (p *Poller) Close() error { return p.file.Close() }

// Add watches fd for everything, edge-triggered: what it becomes is told once. At
// first it is told what it is. id identifies it in events.
func (p *Poller) Add(fd int, id uint64) error {
	e := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLPRI | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     int32(id),
		Pad:    int32(id >> 32),
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e))
}

// Remove stops watching fd, which must still be open. Events of it that somebody has
// looked up already may still be on their way.
func (p *Poller) Remove(fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, new(unix.EpollEvent)))
}

// Look returns how many events there are, at most as many as there is room for, and
// whether that was enough room for all. It doesn't wait: so Go's scheduler isn't told
// of the system call, which would cost more than it takes.
func (p *Poller) Look(to *Events) (n int, all bool) {
	for {
		r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(unsafe.Pointer(&to.raw[0])), uintptr(len(to.raw)), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			panic("BUG: epoll: looking for events: " + errno.Error())
		}
		return int(r), int(r) < len(to.raw)
	}
}

// At returns the event number i that the last Look has found.
func (to *Events) At(i int) Event {
	r := &to.raw[i]
	return Event{
		ID:       uint64(uint32(r.Fd)) | uint64(uint32(r.Pad))<<32,
		Readable: r.Events&(unix.EPOLLIN|unix.EPOLLPRI|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0,
		Partial:  r.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLPRI) != 0,
		Writable: r.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0,
	}
}

// Await calls f now, and whenever there are new events, until Close. f must look
// until that finds no more: of what it leaves, nothing is told again.
func (p *Poller) Await(f func()) {
	p.conn.Read(func(uintptr) bool {
		f()
		return false
	})
}
