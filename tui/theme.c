#include "tui/theme.h"

#include <stdio.h>
#include <string.h>

#include "tui/embedded.h"

const char *const theme_names[] = { "default", "light", "cvd", "mono", "high-contrast", NULL };

static const char *builtin(const char *name)
{
    const struct {
        const char *name, *text;
    } texts[] = { { "default", embedded_theme_default }, { "light", embedded_theme_light },
                  { "cvd", embedded_theme_cvd }, { "mono", embedded_theme_mono },
                  { "high-contrast", embedded_theme_high_contrast } };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (text_eq(texts[i].name, name))
            return texts[i].text;
    }
    return NULL;
}

static bool colour_of(const char *s, short *out)
{
    static const char *const names[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan",
                                         "white" };
    int64_t n;
    if (text_eq(s, "-")) {
        *out = COLOUR_NONE;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_eq(s, names[i])) {
            *out = (short)i;
            return true;
        }
    }
    if (!text_to_int(s, strlen(s), 0, 255, &n))
        return false;
    *out = (short)n;
    return true;
}

static bool style_of(char *words, struct style *out)
{
    static const char *const attrs[] = { "bold", "dim", "reverse", "underline" };
    struct style st = { COLOUR_NONE, COLOUR_NONE, 0 };
    int n = 0;
    for (char *w; (w = strsep(&words, " \t"));) {
        bool ok = n >= 2;
        if (!*w)
            continue;
        if (n < 2) {
            ok = colour_of(w, n ? &st.bg : &st.fg);
        } else {
            for (unsigned i = 0; i < ARRAY_LEN(attrs); i++) {
                if (text_eq(w, attrs[i]))
                    st.attr |= 1u << i;
            }
        }
        if (!ok)
            return false;
        n++;
    }
    *out = st;
    return n >= 2;
}

static enum err_code parse_line(const char *file, int number, char *line, struct theme *out,
                                struct err *e)
{
    line += strspn(line, " \t");
    line[strcspn(line, "#\r")] = '\0';
    for (size_t n = strlen(line); n && strchr(" \t", line[n - 1]); n--)
        line[n - 1] = '\0';
    if (!*line)
        return ERR_OK;
    char *value = strchr(line, '=');
    if (!value)
        return err_set(e, ERR_CONFIG, 0, "%s:%d: expected ROLE = FG BG ATTR...", file, number);
    *value++ = '\0';
    line[strcspn(line, " \t")] = '\0';
    value += strspn(value, " \t");
    if (text_eq(line, "inherits"))
        return builtin(value) ? theme_parse(value, builtin(value), out, e)
                              : err_set(e, ERR_CONFIG, 0, "%s:%d: no theme %.40s", file, number, value);
    for (int r = 0; r < N_ROLES; r++) {
        if (!text_eq(line, role_name((enum role)r)))
            continue;
        if (style_of(value, &out->roles[r]))
            return ERR_OK;
        return err_set(e, ERR_CONFIG, 0, "%s:%d: colours are names, 0-255 or -", file, number);
    }
    return err_set(e, ERR_CONFIG, 0, "%s:%d: unknown role %.40s", file, number, line);
}

enum err_code theme_parse(const char *file, const char *text, struct theme *out, struct err *e)
{
    int number = 1;
    char line[256];
    for (const char *p = text; *p; number++) {
        size_t n = strcspn(p, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), p);
        enum err_code err = parse_line(file, number, line, out, e);
        if (err)
            return err;
        p += n + (p[n] == '\n');
    }
    return ERR_OK;
}

static enum err_code load_file(const char *name, struct theme *out, struct err *e)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[1024], text[16384];
    if (strchr(name, '/'))
        return err_set(e, ERR_CONFIG, 0, "a theme is a name, not a path");
    snprintf(path, sizeof path, "%s%s/bakewatch/themes/%s.theme", xdg && *xdg ? xdg : home ? home : "",
             xdg && *xdg ? "" : "/.config", name);
    FILE *f = fopen(path, "re");
    if (!f)
        return err_set(e, ERR_CONFIG, 0, "no theme \"%.40s\" (built in: default, light, cvd, mono, "
                       "high-contrast)", name);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return theme_parse(path, text, out, e);
}

enum err_code theme_load(const char *name, struct theme *out, struct err *e)
{
    struct theme t;
    for (int r = 0; r < N_ROLES; r++)
        t.roles[r] = (struct style){ COLOUR_NONE, COLOUR_NONE, 0 };
    const char *text = builtin(name);
    enum err_code err = text ? theme_parse(name, text, &t, e) : load_file(name, &t, e);
    if (!err)
        *out = t;
    return err;
}
