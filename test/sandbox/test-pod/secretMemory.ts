/** Creates 40 files of 60 MB: maps, writes and unmaps in windows, because machines limit locked memory. */
export const SECRET_MEMORY = `
import ctypes, mmap, os, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
size, window = 60 << 20, 4 << 20
for _ in range(40):
    fd = libc.syscall(447, 0)
    if fd < 0: raise OSError(ctypes.get_errno(), 'memfd_secret')
    os.ftruncate(fd, size)
    for start in range(0, size, window):
        at = libc.mmap(None, window, 3, mmap.MAP_SHARED, fd, start)
        if at == ctypes.c_void_p(-1).value: raise OSError(ctypes.get_errno(), 'mmap')
        ctypes.memset(at, 1, window)
        libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(window))
time.sleep(60)`;
