#include "tui/term.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { PENDING_CAP = 8 * 1024 * 1024, CLOSE_WAIT_MS = 200, MOST_ROWS = 500, MOST_COLS = 1000 };

#define ENTER_STRING "\033[?1049h\033[?25l\033[?2004h"
const char term_leave_string[] = "\033[?1006l\033[?1000l\033[?2004l\033[0m\033[?1049l\033[?25h";

struct term {
    int in, out;       /* stdin; our own open of the tty */
    int memfd;
    FILE *mem, *null;
    SCREEN *screen;
    struct termios saved, raw;
    struct theme theme;
    bool has_color;
    int attrs[N_ROLES]; /* curses attributes, colour pair included */
    struct buf pending;
    size_t sent;
    struct canvas last; /* what the screen shows */
    bool is_whole;      /* repaint all */
    uint64_t bytes;
};

/* Our own open file description: O_NONBLOCK on the shared one would hit the shell too. */
static int open_tty(struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", STDOUT_FILENO);
    int fd = isatty(STDOUT_FILENO) ? open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    if (fd < 0)
        fd = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        err_set(e, ERR_IO, errno, "no terminal: %s", strerror(errno));
    return fd;
}

static enum err_code start_curses(struct term *t, struct err *e)
{
    const char *name = getenv("TERM");
    if (!name || !*name || text_eq(name, "dumb"))
        return err_set(e, ERR_USAGE, 0, "TERM is %s: a terminal that can place its cursor is needed "
                       "(for text alone: bakewatch status)", name && *name ? name : "not set");
    use_env(FALSE); /* LINES and COLUMNS would win over the tty */
    t->memfd = memfd_create("bakewatch-screen", MFD_CLOEXEC);
    t->mem = t->memfd < 0 ? NULL : fdopen(t->memfd, "w+");
    t->null = fopen("/dev/null", "re");
    if (!t->mem || !t->null)
        return err_set(e, ERR_IO, errno, "memfd: %s", strerror(errno));
    t->screen = newterm(name, t->mem, t->null);
    if (!t->screen)
        return err_set(e, ERR_USAGE, 0, "the terminal type TERM=%.60s is not known here, or cannot place its "
                       "cursor; try TERM=xterm-256color", name);
    set_term(t->screen);
    if (t->has_color && has_colors()) {
        start_color();
        use_default_colors();
    } else {
        t->has_color = false;
    }
    return ERR_OK;
}

/* What newterm itself wanted to say to the terminal: we enter by our own string. */
static void drop_memfd(struct term *t)
{
    if (ftruncate(t->memfd, 0) == 0)
        lseek(t->memfd, 0, SEEK_SET);
}

enum err_code term_open(struct term **out, bool no_color, struct err *e)
{
    struct term *t = x_calloc(1, sizeof *t);
    t->in = STDIN_FILENO;
    t->memfd = -1;
    t->has_color = !no_color;
    t->pending = BUF_INIT(PENDING_CAP);
    enum err_code err = ERR_OK;
    t->out = open_tty(e);
    if (t->out < 0 || tcgetattr(t->in, &t->saved)) {
        err = t->out < 0 ? ERR_IO : err_set(e, ERR_IO, errno, "stdin is no terminal");
        if (t->out >= 0)
            close(t->out);
        free(t);
        return err;
    }
    if ((err = start_curses(t, e))) {
        if (t->mem)
            fclose(t->mem);
        if (t->null)
            fclose(t->null);
        close(t->out);
        free(t);
        return err;
    }
    wnoutrefresh(stdscr); /* what newterm has in its buffer comes out, and is dropped */
    doupdate();
    drop_memfd(t);
    t->raw = t->saved;
    cfmakeraw(&t->raw);
    canvas_learn_widths();
    term_enter(t);
    *out = t;
    return ERR_OK;
}

int term_in_fd(const struct term *t)
{
    return t->in;
}

int term_out_fd(const struct term *t)
{
    return t->out;
}

void term_size(const struct term *t, int *rows, int *cols)
{
    struct winsize ws = { 0 };
    if (ioctl(t->out, TIOCGWINSZ, &ws) || !ws.ws_row || !ws.ws_col) {
        ws.ws_row = ws.ws_row ? ws.ws_row : 24; /* 0 is "unknown", as on a serial line */
        ws.ws_col = ws.ws_col ? ws.ws_col : 80;
    }
    *rows = ws.ws_row > MOST_ROWS ? MOST_ROWS : ws.ws_row;
    *cols = ws.ws_col > MOST_COLS ? MOST_COLS : ws.ws_col;
}

void term_theme(struct term *t, const struct theme *theme)
{
    static const attr_t bits[] = { A_BOLD, A_DIM, A_REVERSE, A_UNDERLINE };
    t->theme = *theme;
    for (int r = 0; r < N_ROLES; r++) {
        const struct style *st = &theme->roles[r];
        short fg = st->fg, bg = st->bg;
        attr_t a = A_NORMAL;
        for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
            if (st->attr & (1u << i))
                a |= bits[i];
        }
        if (t->has_color && COLORS < 256) { /* the nearest of eight */
            fg = (short)(fg > 7 ? (fg >= 230 || fg == 252 ? 7 : fg == 178 || fg == 221 || fg == 226 ? 3
                         : fg == 166 || fg == 160 || fg == 124 ? 1 : fg == 36 || fg == 28 || fg == 46 ? 2
                         : fg == 74 || fg == 25 || fg == 51 ? 6 : fg == 16 ? 0 : 7) : fg);
            bg = (short)(bg > 7 ? (bg == 124 || bg == 160 || bg == 166 || bg == 196 ? 1
                         : bg == 178 || bg == 221 ? 3 : bg == 16 ? 0 : 4) : bg);
        }
        if (t->has_color && (fg >= 0 || bg >= 0)) {
            init_pair((short)(r + 1), fg, bg);
            a |= (attr_t)COLOR_PAIR(r + 1);
        }
        t->attrs[r] = (int)a;
    }
    t->is_whole = true;
}

static int attr_of(const struct term *t, const struct cell *x)
{
    int a = t->attrs[x->role];
    if (x->is_cursor) {
        int sel = t->attrs[ROLE_SELECTED];
        a = x->role == ROLE_TEXT || x->role == ROLE_DIM ? sel : a ^ (int)A_REVERSE;
    }
    return x->is_mark ? a ^ (int)A_REVERSE : a;
}

static void draw_row(struct term *t, const struct canvas *c, int row)
{
    const struct cell *cells = &c->grid[(size_t)row * (size_t)c->grid_cols];
    char run[4096];
    size_t n = 0;
    int a = 0;
    move(row, 0);
    for (int col = 0; col < c->at.cols; col++) {
        const struct cell *x = &cells[col];
        int want = attr_of(t, x);
        if (n && (want != a || n > sizeof run - TEXT_CELL)) {
            attrset((attr_t)a);
            addnstr(run, (int)n);
            n = 0;
        }
        a = want;
        size_t len = strlen(x->bytes);
        memcpy(run + n, x->bytes, len);
        n += len;
    }
    attrset((attr_t)a);
    addnstr(run, (int)n);
}

static void collect(struct term *t)
{
    off_t size = lseek(t->memfd, 0, SEEK_END);
    char bytes[65536];
    for (off_t at = 0; at < size;) {
        ssize_t n = pread(t->memfd, bytes, sizeof bytes, at);
        if (n <= 0)
            break;
        buf_add(&t->pending, bytes, (size_t)n);
        at += n;
    }
    drop_memfd(t);
}

void term_draw(struct term *t, const struct canvas *c)
{
    bool is_resized = !t->last.grid || t->last.at.rows != c->at.rows || t->last.at.cols != c->at.cols;
    if (is_resized) {
        canvas_free(&t->last);
        t->last = canvas_new(c->at.rows, c->at.cols);
        resizeterm(c->at.rows, c->at.cols);
    }
    if (t->is_whole || is_resized)
        clearok(curscr, TRUE);
    size_t width = (size_t)c->at.cols * sizeof(struct cell);
    for (int row = 0; row < c->at.rows; row++) {
        size_t at = (size_t)row * (size_t)c->grid_cols;
        if (!t->is_whole && !is_resized && memcmp(&c->grid[at], &t->last.grid[at], width) == 0)
            continue;
        draw_row(t, c, row);
        memcpy(&t->last.grid[at], &c->grid[at], width);
    }
    t->is_whole = false;
    wnoutrefresh(stdscr);
    doupdate();
    collect(t);
}

bool term_is_idle(const struct term *t)
{
    return t->sent == t->pending.len;
}

bool term_flush(struct term *t)
{
    while (t->sent < t->pending.len) {
        ssize_t n = write(t->out, t->pending.data + t->sent, t->pending.len - t->sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        t->sent += (size_t)n;
        t->bytes += (uint64_t)n;
    }
    buf_clear(&t->pending);
    t->sent = 0;
    return true;
}

void term_repaint(struct term *t)
{
    t->is_whole = true;
}

void term_raw(struct term *t, const char *bytes, size_t n)
{
    buf_add(&t->pending, bytes, n);
}

void term_bell(struct term *t)
{
    term_raw(t, "\a", 1);
}

void term_mouse(struct term *t, bool on)
{
    const char *s = on ? "\033[?1000h\033[?1006h" : "\033[?1006l\033[?1000l";
    term_raw(t, s, strlen(s));
}

/* Writes what is left, for a moment only: a stalled line must not hold the exit. */
static void drain(struct term *t)
{
    for (int waited = 0; !term_is_idle(t) && waited < CLOSE_WAIT_MS; waited += 20) {
        if (!term_flush(t))
            return;
        struct pollfd p = { t->out, POLLOUT, 0 };
        if (!term_is_idle(t))
            poll(&p, 1, 20);
    }
}

void term_leave(struct term *t)
{
    buf_clear(&t->pending); /* half a frame is not worth a wait */
    t->sent = 0;
    term_raw(t, term_leave_string, strlen(term_leave_string));
    drain(t);
    tcsetattr(t->in, TCSANOW, &t->saved);
}

void term_enter(struct term *t)
{
    tcsetattr(t->in, TCSANOW, &t->raw);
    term_raw(t, ENTER_STRING, strlen(ENTER_STRING));
    t->is_whole = true;
}

void term_close(struct term *t)
{
    if (!t)
        return;
    term_leave(t);
    delscreen(t->screen);
    fclose(t->mem);
    fclose(t->null);
    close(t->out);
    canvas_free(&t->last);
    buf_release(&t->pending);
    free(t);
}

uint64_t term_bytes(const struct term *t)
{
    return t->bytes;
}
