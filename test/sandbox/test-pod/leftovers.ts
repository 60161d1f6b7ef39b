/** Programs that find everything on a pod's file systems that a run can leave for the next one. */

/** Walks each writable file system separately. */
const WALK = `
import os, stat
mounts = {line.split()[4].encode().decode('unicode_escape') for line in open('/proc/self/mountinfo')}
def is_writable(mount):
    try: return not os.statvfs(mount).f_flag & os.ST_RDONLY
    except OSError: return False
def walk():
    for mount in sorted(filter(is_writable, mounts)):
        yield mount
        for folder, folders, files in os.walk(mount):
            # Processes have folders of their own there, which go with them.
            folders[:] = [name for name in folders if os.path.join(folder, name) not in mounts and not (folder == '/proc' and name != 'sys')]
            yield from (os.path.join(folder, name) for name in (*folders, *files) if not os.path.join(folder, name) in mounts)
`;

/** Prints a digest of everything that exists, except for times. */
export const SNAPSHOT = `${WALK}
import hashlib
def attributes(path):
    try: return [(name, os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False)]
    except OSError: return []
def state(path):
    try: found = os.lstat(path)
    except OSError as error: return path, error.errno
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    link = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ''
    return path, found.st_mode, found.st_uid, found.st_gid, size, link, attributes(path)
own = '/work/1'
states = [repr(state(path)) for path in walk() if not path.startswith(own)]
print(len(states), hashlib.sha256('\\n'.join(sorted(states)).encode('utf-8', 'replace')).hexdigest())
`;

/** Changes everything it can, and prints the paths. */
export const LEAVE = `${WALK}
done = set()
def attempt(path, change):
    try: change()
    except OSError: return
    done.add(path)
def write(path):
    with open(path, 'ab', buffering=0) as file: file.write(b'LEFT')
for path in list(walk()):
    attempt(path, lambda: os.setxattr(path, 'user.left', b'LEFT'))
    attempt(path, lambda: os.chmod(path, os.stat(path).st_mode ^ 0o111))
    if os.path.isdir(path):
        attempt(path, lambda: write(os.path.join(path, 'left')))
        attempt(path, lambda: os.mkdir(os.path.join(path, 'left.folder')))
        attempt(path, lambda: os.symlink('LEFT', os.path.join(path, 'left.link')))
        attempt(path, lambda: os.mkfifo(os.path.join(path, 'left.pipe')))
    elif stat.S_ISREG(os.lstat(path).st_mode) if os.path.lexists(path) else False:
        attempt(path, lambda: write(path))
print(sorted(done - {'/work/1', '/work/1/main.py'}))
`;
