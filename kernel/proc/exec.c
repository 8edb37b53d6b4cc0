/* SPDX-License-Identifier: MIT */
/*
 * execve: the calling thread's process runs another program.
 *
 *  1. Open and recognise. A file that starts with "#!" names its interpreter,
 *     which replaces it, a few times at most. The ELF file and the program
 *     interpreter it names are read and checked. The strings are copied.
 *  2. Point of no return: the other threads are killed; the new address space
 *     replaces the old one. From here an error is SIGKILL: there is nothing to
 *     return to.
 *  3. Map, build the stack, reset what exec resets (handlers, alternate stack,
 *     close-on-exec descriptors, timers), take the file's set-id bits.
 *
 * What stays: pid, parent, group, session, descriptors, limits, blocked and
 * pending signals, ignored signals.
 */
#include <arch/context.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <arch/vdso.h>
#include <fs/file.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/printk.h>
#include <kernel/proc/exec.h>
#include <kernel/proc/proc.h>
#include <kernel/task/timers.h>
#include <kernel/uapi/syscall.h>
#include <kernel/uapi/fcntl.h>

#define HEAD_BYTES		256	/* what is read to recognise a file; "#!" line at most */
#define MAX_SCRIPT_DEPTH	5
#define STACK_RANDOM_BITS	18	/* pages: 1 GiB */
#define MMAP_RANDOM_BITS	18
#define STACK_GAP_MIN		(128ul << 20)
#define ADDR_NO_RANDOMIZE	0x0040000u

struct exec {
	struct exec_file program, interp;
	bool has_interp;
	/* a close-on-exec descriptor's: no script's interpreter can open it */
	bool name_closes;
	struct exec_args args;
	char *name;			/* as the program and its interpreter are told it; owned */
	char head[HEAD_BYTES];
	struct cred *cred;		/* prepared; taken over at commit */
	uid_t set_uid;			/* of the file's set-id bits; -1: none */
	gid_t set_gid;
	/* Script lines met on the way, innermost last: interpreter and its argument. */
	u32 depth;
	char *script_interp[MAX_SCRIPT_DEPTH], *script_arg[MAX_SCRIPT_DEPTH],
		*script_path[MAX_SCRIPT_DEPTH];
};

/* Where strings come from: user memory, or the kernel's own arrays for init. */
struct string_source {
	bool kernel;
	uaddr_t user;
	const char *const *strings;
};

/* --- recognising --- */

static int read_head(struct exec *x)
{
	loff_t pos = 0;
	ssize_t n;

	memset(x->head, 0, sizeof(x->head));
	n = kernel_read(x->program.file, x->head, sizeof(x->head), &pos);
	return n < 0 ? n : 0;
}

static char *skip_blanks(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static char *skip_word(char *s)
{
	while (*s && *s != ' ' && *s != '\t')
		s++;
	return s;
}

/* Cut "#! interp [arg]" in x->head. 0 or -ENOEXEC. */
static int parse_script_line(struct exec *x, char **interp, char **arg)
{
	char *line = x->head + 2, *end = memchr(x->head, '\n', sizeof(x->head)), *word_end;

	if (!end) {
		/* Cut off: fine in the argument, not in the interpreter's name. */
		end = x->head + sizeof(x->head) - 1;
		*end = 0;
		if (!*skip_word(skip_blanks(line)) &&
		    strnlen(x->head, sizeof(x->head)) == sizeof(x->head) - 1)
			return -ENOEXEC;
	}
	*end = 0;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	*interp = skip_blanks(line);
	if (!**interp)
		return -ENOEXEC;
	word_end = skip_word(*interp);
	*arg = NULL;
	if (*word_end) {
		*word_end = 0;
		*arg = skip_blanks(word_end + 1);
	}
	return 0;
}

/* The open program is a script: remember its line and open its interpreter instead. */
static int follow_script(struct exec *x, const char *path)
{
	char *interp, *arg;
	u32 d = x->depth;
	int err;

	if (d == MAX_SCRIPT_DEPTH)
		return -ELOOP;
	if (x->name_closes)
		return -ENOENT;
	err = parse_script_line(x, &interp, &arg);
	if (err)
		return err;
	x->depth++;
	x->script_path[d] = kstrdup(path, GFP_KERNEL);
	x->script_interp[d] = kstrdup(interp, GFP_KERNEL);
	x->script_arg[d] = arg ? kstrdup(arg, GFP_KERNEL) : NULL;
	if (!x->script_path[d] || !x->script_interp[d] || (arg && !x->script_arg[d]))
		return -ENOMEM;
	file_put(x->program.file);
	x->program.file = file_open_exec(AT_FDCWD, x->script_interp[d], 0, &err);
	return x->program.file ? 0 : err;
}

static int open_interp(struct exec *x)
{
	const struct elf_phdr *ph = x->program.elf.interp;
	loff_t pos = ph->offset;
	char *path;
	ssize_t n;
	int err;

	path = kmalloc(ph->filesz, GFP_KERNEL);
	if (!path)
		return -ENOMEM;
	n = kernel_read(x->program.file, path, ph->filesz, &pos);
	if (n != (ssize_t)ph->filesz || path[ph->filesz - 1]) {
		kfree(path);
		return n < 0 ? n : -ENOEXEC;
	}
	x->interp.file = file_open_exec(AT_FDCWD, path, 0, &err);
	kfree(path);
	if (!x->interp.file)
		return err;
	x->has_interp = true;
	pos = 0;
	memset(x->head, 0, sizeof(x->head));
	n = kernel_read(x->interp.file, x->head, sizeof(x->head), &pos);
	if (n < 0)
		return n;
	err = exec_file_read(&x->interp, x->head, n);
	return err == -ENOEXEC ? -ELIBBAD : err;
}

/* The set-id bits count for the file that is run, not for a script that names it. */
static void note_set_ids(struct exec *x)
{
	const struct inode *inode = x->program.file->inode;

	x->set_uid = (uid_t)-1;
	x->set_gid = (gid_t)-1;
	if ((x->program.file->path.mnt->flags & SB_NOSUID) || current_process()->no_new_privs)
		return;
	if (inode->mode & S_ISUID)
		x->set_uid = inode->uid;
	if ((inode->mode & (S_ISGID | 0010)) == (S_ISGID | 0010))
		x->set_gid = inode->gid;
}

static int recognise(struct exec *x)
{
	int err;

	for (;;) {
		err = read_head(x);
		if (err)
			return err;
		if (x->head[0] != '#' || x->head[1] != '!')
			break;
		err = follow_script(x, x->depth ? x->script_interp[x->depth - 1] : x->name);
		if (err)
			return err;
	}
	err = exec_file_read(&x->program, x->head, sizeof(x->head));
	if (err)
		return err;
	note_set_ids(x);
	return x->program.elf.interp ? open_interp(x) : 0;
}

/* --- strings --- */

/*
 * The i-th string of src: 1 added (or left out, if
 * first and skip_first), 0 end of the array, -errno.
 */
static int add_string(struct exec_args *a, const struct string_source *src, u32 i, bool skip_first)
{
	uaddr_t s;
	int err;

	if (src->kernel) {
		if (!src->strings[i])
			return 0;
		if (i == 0 && skip_first)
			return 1;
		err = exec_args_add_kernel(a, src->strings[i]);
		return err ? err : 1;
	}
	if (!src->user)
		return 0;
	if (get_user(s, src->user + i * sizeof(u64)))
		return -EFAULT;
	if (!s)
		return 0;
	if (i == 0 && skip_first)
		return 1;
	err = exec_args_add_user(a, s);
	return err ? err : 1;
}

static int add_argument(struct exec_args *a, const char *s)
{
	int err = exec_args_add_kernel(a, s);

	a->argc++;
	return err;
}

/* interpreter [argument] script, outermost script last. */
static int add_script_arguments(struct exec *x)
{
	int err = 0;

	for (u32 d = x->depth; d-- && !err;) {
		err = add_argument(&x->args, x->script_interp[d]);
		if (!err && x->script_arg[d])
			err = add_argument(&x->args, x->script_arg[d]);
		/*
		 * A script that is the interpreter of another
		 * is named once, as that one's interpreter.
		 */
		if (!err && d == 0)
			err = add_argument(&x->args, x->script_path[d]);
	}
	return err;
}

static int copy_strings(struct exec *x, const struct string_source *argv,
			const struct string_source *envp)
{
	struct exec_args *a = &x->args;
	int r = add_script_arguments(x);

	if (r)
		return r;
	/* A script's own argv[0] gives way to its path. */
	for (u32 i = 0; (r = add_string(a, argv, i, x->depth)) > 0; i++)
		if (i || !x->depth)
			a->argc++;
	if (r < 0)
		return r;
	if (!a->argc) {
		r = add_argument(a, "");
		if (r)
			return r;
	}
	a->arg_bytes = a->bytes;
	while ((r = add_string(a, envp, a->envc, false)) > 0)
		a->envc++;
	if (r < 0)
		return r;
	a->env_bytes = a->bytes - a->arg_bytes;
	return exec_args_add_kernel(a, x->name);
}

/* --- the point of no return --- */

static uaddr_t choose_stack_top(bool randomize)
{
	return TASK_SIZE - PAGE_SIZE - exec_random_pages(STACK_RANDOM_BITS, randomize);
}

static uaddr_t choose_mmap_base(uaddr_t stack_top, bool randomize)
{
	u64 gap = clamp(rlimit_current(RLIMIT_STACK), STACK_GAP_MIN, TASK_SIZE / 6 * 5);

	return ALIGN_DOWN(stack_top - gap, PAGE_SIZE) -
	       exec_random_pages(MMAP_RANDOM_BITS, randomize);
}

/* An own sighand with every handler gone; ignored signals stay ignored. 0 or -ENOMEM. */
static int reset_handlers(void)
{
	struct process *p = current_process();
	struct sighand *old = p->sighand, *fresh = old;
	u64 flags;

	if (refcount_read(&old->refs) > 1) {
		fresh = sighand_create(old);
		if (!fresh)
			return -ENOMEM;
	}
	for (int i = 0; i < NSIG; i++) {
		struct k_sigaction *a = &fresh->action[i];

		*a = (struct k_sigaction){ .handler = a->handler == SIG_IGN ? SIG_IGN : SIG_DFL };
	}
	if (fresh == old)
		return 0;
	spin_lock(&tasklist_lock);
	flags = spin_lock_irqsave(&old->lock);
	rcu_assign_pointer(p->sighand, fresh);
	current->sighand = fresh;
	spin_unlock_irqrestore(&old->lock, flags);
	spin_unlock(&tasklist_lock);
	sighand_put(old);
	return 0;
}

static void set_exe_file(struct file *file)
{
	struct process *p = current_process();
	struct file *old;

	spin_lock(&p->lock);
	old = p->exe_file;
	p->exe_file = file_get(file);
	spin_unlock(&p->lock);
	if (old)
		file_put(old);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Commits the credentials. True: the program runs with other rights than its caller had. */
static bool take_ids(struct exec *x)
{
	const struct cred *old = current_cred();
	bool secure;

	/* Whoever shares the directory with us could steer a privileged program: no set-id then. */
	if (refcount_read(&current->fs->refs) > 1)
		x->set_uid = x->set_gid = -1;
	cred_exec(x->cred, x->set_uid, x->set_gid);
	secure = x->cred->euid != x->cred->uid || x->cred->egid != x->cred->gid ||
		 (x->cred->uid != 0 && (x->cred->cap_permitted & ~old->cap_permitted));
	cred_commit(x->cred);
	x->cred = NULL;
	if (secure)
		current_process()->pdeath_signal = 0;
	else
		smp_store_release(&current_process()->dumpable, true);
	return secure;
}

static void reset_thread(struct exec *x)
{
	struct thread *t = current;
	struct process *p = t->process;

	t->sas_sp = t->sas_size = 0;
	t->sas_flags = 0;
	t->robust_list = 0;
	t->set_child_tid = t->clear_child_tid = 0;
	t->restart.fn = NULL;
	posix_timers_delete_all(p);
	t->exit_flags &= ~(THREAD_FORKNOEXEC | THREAD_KTHREAD);
	p->exit_signal = SIGCHLD;
	p->did_exec = true;
	p->ni_logged = false;
	thread_set_comm(t, base_name(x->depth ? x->script_path[0] : x->name));
	files_close_on_exec(t->files);
}

/* In the new, empty address space: everything that makes it a program. 0 or -errno. */
static int populate(struct exec *x, struct mm *mm, struct trapframe *regs)
{
	bool randomize = !(current_process()->personality & ADDR_NO_RANDOMIZE), secure;
	uaddr_t top = choose_stack_top(randomize), sp;
	u64 stack_flags = VM_READ | VM_WRITE | (x->program.elf.exec_stack ? VM_EXEC : 0);
	struct exec_image image;
	struct vma *stack;
	int err;

	mm->mmap_base = choose_mmap_base(top, randomize);
	err = vm_create_stack(mm, top, stack_flags, &stack);
	if (!err)
		err = exec_load(&x->program, x->has_interp ? &x->interp : NULL, randomize, &image);
	if (!err)
		err = vdso_map(mm);
	if (err)
		return err;
	secure = take_ids(x);
	err = exec_build_stack(mm, &x->args, &image, top, secure, &sp);
	if (err)
		return err;
	arch_thread_start_user(regs, image.start, sp);
	return 0;
}

static int commit(struct exec *x)
{
	struct mm *mm;
	int err;

	mm = mm_create();
	if (!mm)
		return -ENOMEM;
	err = process_become_single();
	if (err) {
		mm_put(mm);
		return err;
	}
	/*
	 * No way back. Until the program has its credentials nobody may look into it, lest he
	 * judge its memory by the old ones: who looks takes the memory first, then asks.
	 */
	WRITE_ONCE(current_process()->dumpable, false);
	if (current->mm)
		thread_release_mm(current);
	mm_install(mm);
	set_exe_file(x->program.file);
	err = reset_handlers();
	if (!err)
		err = files_unshare();
	if (!err) {
		reset_thread(x);
		err = populate(x, mm, thread_regs(current));
	}
	if (err)
		process_exit_group(SIGKILL);
	return 0;
}

/* --- entry points --- */

static void exec_free(struct exec *x)
{
	for (u32 d = 0; d < x->depth; d++) {
		kfree(x->script_interp[d]);
		kfree(x->script_arg[d]);
		kfree(x->script_path[d]);
	}
	exec_args_free(&x->args);
	exec_file_release(&x->program);
	exec_file_release(&x->interp);
	if (x->cred)
		cred_put(x->cred);
	kfree(x->name);
	kfree(x);
}

/*
 * A name relative to a descriptor is told as /dev/fd/N
 * or /dev/fd/N/name, so that an interpreter can open it.
 */
static int name_by_descriptor(struct exec *x, int dfd)
{
	size_t size = strlen(x->name) + sizeof("/dev/fd/2147483647/");
	char *told;

	if (dfd == AT_FDCWD || x->name[0] == '/')
		return 0;
	told = kmalloc(size, GFP_KERNEL);
	if (!told)
		return -ENOMEM;
	snprintf(told, size, x->name[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dfd, x->name);
	kfree(x->name);
	x->name = told;
	x->name_closes = fd_get_cloexec(dfd) > 0;
	return 0;
}

/* name is taken over. */
static int exec_named(int dfd, char *name, int at_flags, const struct string_source *argv,
		     const struct string_source *envp)
{
	struct exec *x = kzalloc(sizeof(*x), GFP_KERNEL);
	int err = -ENOMEM;

	if (!x) {
		kfree(name);
		return -ENOMEM;
	}
	x->name = name;
	exec_args_init(&x->args);
	x->cred = cred_prepare();
	if (!x->cred)
		goto out;
	x->program.file = file_open_exec(dfd, name, at_flags, &err);
	if (!x->program.file)
		goto out;
	err = name_by_descriptor(x, dfd);
	if (!err)
		err = recognise(x);
	if (!err)
		err = copy_strings(x, argv, envp);
	if (!err)
		err = commit(x);
out:
	exec_free(x);
	return err;
}

int kernel_exec(const char *path, const char *const *argv, const char *const *envp)
{
	const struct string_source args = { .kernel = true, .strings = argv };
	const struct string_source env = { .kernel = true, .strings = envp };
	char *name = kstrdup(path, GFP_KERNEL);

	return name ? exec_named(AT_FDCWD, name, 0, &args, &env) : -ENOMEM;
}

static long exec_user(int dfd, uaddr_t uname, uaddr_t argv, uaddr_t envp, int at_flags)
{
	const struct string_source args = { .user = argv }, env = { .user = envp };
	char *name = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t len;

	if (!name)
		return -ENOMEM;
	len = strncpy_from_user(name, uname, PATH_MAX);
	if (len == PATH_MAX)
		len = -ENAMETOOLONG;
	else if (!len && !(at_flags & AT_EMPTY_PATH))
		len = -ENOENT;
	if (len < 0) {
		kfree(name);
		return len;
	}
	return exec_named(dfd, name, at_flags, &args, &env);
}

long sys_execve(uaddr_t name, uaddr_t argv, uaddr_t envp)
{
	return exec_user(AT_FDCWD, name, argv, envp, 0);
}

long sys_execveat(int dfd, uaddr_t name, uaddr_t argv, uaddr_t envp, int flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_user(dfd, name, argv, envp, flags);
}
