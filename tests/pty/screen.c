#include "tests/pty/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#include "core/base/text.h"
#include "tests/pty/picture.h"

enum { RAW_CAP = 64 * 1024 * 1024, PIECE = 4096 };

struct screen {
    int master, slave; /* the slave stays open here: termios can be asked after the end */
    pid_t pid;
    bool ended, stalled;
    int status;
    double cpu_s; /* at the end, its children's with it */
    VTerm *vt;
    VTermScreen *vs;
    int rows, cols;
    bool cursor_on, alt_on, paste_on;
    struct termios start;
    struct buf raw;
    uint64_t bytes;
    struct cast *cast;
};

int64_t screen_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_prop(VTermProp prop, VTermValue *v, void *user)
{
    struct screen *s = user;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        s->cursor_on = v->boolean;
    if (prop == VTERM_PROP_ALTSCREEN)
        s->alt_on = v->boolean;
    return 1;
}

static const VTermScreenCallbacks callbacks = { .settermprop = on_prop };

struct screen *screen_start(int rows, int cols, char *const argv[])
{
    struct screen *s = x_calloc(1, sizeof *s);
    struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    s->raw = BUF_INIT(RAW_CAP);
    s->rows = rows;
    s->cols = cols;
    s->cursor_on = true;
    s->vt = vterm_new(rows, cols);
    vterm_set_utf8(s->vt, 1);
    s->vs = vterm_obtain_screen(s->vt);
    vterm_screen_set_callbacks(s->vs, &callbacks, s);
    vterm_screen_enable_altscreen(s->vs, 1);
    vterm_screen_reset(s->vs, 1);
    if (openpty(&s->master, &s->slave, NULL, NULL, &ws)) {
        perror("openpty");
        exit(2);
    }
    tcgetattr(s->slave, &s->start);
    s->pid = fork();
    if (s->pid == 0) {
        close(s->master);
        setsid();
        ioctl(s->slave, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++)
            dup2(s->slave, fd);
        if (s->slave > 2)
            close(s->slave);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    fcntl(s->master, F_SETFL, O_NONBLOCK);
    fcntl(s->master, F_SETFD, FD_CLOEXEC);
    fcntl(s->slave, F_SETFD, FD_CLOEXEC);
    return s;
}

pid_t screen_pid(const struct screen *s)
{
    return s->pid;
}

bool screen_has_ended(struct screen *s, int *status)
{
    struct rusage used;
    if (!s->ended && wait4(s->pid, &s->status, WNOHANG, &used) == s->pid) {
        s->ended = true;
        s->cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    }
    if (s->ended && status)
        *status = s->status;
    return s->ended;
}

double screen_cpu_s(const struct screen *s)
{
    return s->cpu_s;
}

void screen_free(struct screen *s)
{
    if (!s)
        return;
    if (!screen_has_ended(s, NULL)) {
        kill(-s->pid, SIGKILL);
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    if (s->master >= 0)
        close(s->master);
    close(s->slave);
    vterm_free(s->vt);
    buf_release(&s->raw);
    free(s);
}

/* Bracketed paste is no property of libvterm 0.1.4: the last of the two strings counts. */
static void note_modes(struct screen *s)
{
    const char *on = NULL, *off = NULL, *p = buf_str(&s->raw);
    size_t from = s->raw.len > 65536 ? s->raw.len - 65536 : 0;
    for (const char *q = p + from; (q = memmem(q, s->raw.len - (size_t)(q - p), "\033[?2004", 7)); q += 7) {
        if (q[7] == 'h')
            on = q;
        else
            off = q;
    }
    if (on || off)
        s->paste_on = on && on > off;
}

bool screen_pump(struct screen *s, int ms)
{
    struct pollfd p = { s->stalled ? -1 : s->master, POLLIN, 0 };
    char bytes[PIECE];
    if (s->master < 0)
        return false;
    if (poll(&p, 1, ms) <= 0)
        return true;
    for (int i = 0; i < 64; i++) {
        ssize_t n = read(s->master, bytes, sizeof bytes);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        s->bytes += (uint64_t)n;
        if (s->raw.len + (size_t)n > s->raw.cap)
            buf_drop_front(&s->raw, s->raw.len / 2);
        buf_add(&s->raw, bytes, (size_t)n);
        vterm_input_write(s->vt, bytes, (size_t)n);
        if (s->cast)
            cast_add(s->cast, bytes, (size_t)n);
    }
    note_modes(s);
    return true;
}

void screen_type(struct screen *s, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(s->master, p, n);
        if (w > 0) {
            p += w;
            n -= (size_t)w;
        } else {
            screen_pump(s, 10);
            if (screen_has_ended(s, NULL))
                return;
        }
    }
}

void screen_resize(struct screen *s, int rows, int cols)
{
    struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    ioctl(s->master, TIOCSWINSZ, &ws);
    s->rows = rows > 0 ? rows : 24;
    s->cols = cols > 0 ? cols : 80;
    /* 0.1.4 falls over wide characters in one column */
    vterm_set_size(s->vt, s->rows, s->cols < 2 ? 2 : s->cols);
}

void screen_stall(struct screen *s, bool stalled)
{
    s->stalled = stalled;
}

void screen_hangup(struct screen *s)
{
    close(s->master);
    s->master = -1;
    close(s->slave);
    s->slave = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void screen_size(const struct screen *s, int *rows, int *cols)
{
    *rows = s->rows;
    *cols = s->cols;
}

void screen_record(struct screen *s, struct cast *c)
{
    s->cast = c;
}

static uint32_t rgb(struct screen *s, VTermColor c)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(&c) || VTERM_COLOR_IS_DEFAULT_BG(&c))
        return SCREEN_DEFAULT;
    vterm_screen_convert_color_to_rgb(s->vs, &c);
    return (uint32_t)c.rgb.red << 16 | (uint32_t)c.rgb.green << 8 | c.rgb.blue;
}

bool screen_cell(struct screen *s, int row, int col, struct screen_cell *out)
{
    VTermScreenCell cell;
    if (col >= s->cols || !vterm_screen_get_cell(s->vs, (VTermPos){ row, col }, &cell))
        return false;
    size_t n = 0;
    for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
        n += text_encode((int32_t)cell.chars[i], out->text + n);
    if (!n)
        out->text[n++] = ' ';
    out->text[n] = '\0';
    out->width = cell.width > 0 ? cell.width : 1;
    out->fg = rgb(s, cell.fg);
    out->bg = rgb(s, cell.bg);
    out->is_bold = cell.attrs.bold;
    out->is_underlined = cell.attrs.underline;
    out->is_reverse = cell.attrs.reverse;
    return true;
}

void screen_text(struct screen *s, struct buf *out)
{
    struct screen_cell c;
    for (int row = 0; row < s->rows; row++) {
        size_t start = out->len;
        for (int col = 0; screen_cell(s, row, col, &c); col += c.width)
            buf_adds(out, c.text);
        while (out->len > start && out->data[out->len - 1] == ' ')
            out->len--;
        buf_addc(out, '\n');
    }
}

bool screen_is_sane(struct screen *s, struct buf *why)
{
    struct termios now;
    if (tcgetattr(s->slave, &now) == 0 &&
        (now.c_lflag != s->start.c_lflag || now.c_iflag != s->start.c_iflag ||
         now.c_oflag != s->start.c_oflag || now.c_cflag != s->start.c_cflag))
        buf_adds(why, "termios differ; ");
    if (s->alt_on)
        buf_adds(why, "still on the alternate screen; ");
    if (!s->cursor_on)
        buf_adds(why, "the cursor is hidden; ");
    if (s->paste_on)
        buf_adds(why, "bracketed paste is on; ");
    return why->len == 0;
}

const struct buf *screen_raw(const struct screen *s)
{
    return &s->raw;
}

uint64_t screen_bytes(const struct screen *s)
{
    return s->bytes;
}
