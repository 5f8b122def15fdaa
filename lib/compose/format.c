/*
 * The layout: two spaces for each level, items of a sequence one level below their key, blocks, except where the author put a
 * collection into brackets on one line and it fits. Scalars keep the notation they have. Keys keep their order, since comments go with
 * them.
 *
 * A comment stands behind what it stood behind, or on lines of its own before what comes next. On lines of its own at the end of a block
 * it stays with the block that it was indented for. Blank lines stay, as one each; a collection at the top has one before it.
 *
 * Why a second time changes nothing: each line's place depends on the order of tokens and comments, on which comments share a line with a
 * token, on blank lines, and on the innermost open block that begins at or before a comment's column. In the result the first two are
 * the same, blank lines are where they were put, and blocks begin at the columns that comments were aligned to.
 */
#include "compose/format.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "compose/comments.h"
#include "compose/scalar.h"

#define LINE_LIMIT 110

struct level {
    size_t column; /* in the source */
    size_t indent; /* in the result */
};

struct formatter {
    const struct arci_source *source;
    struct arci_comments comments;
    size_t next; /* comment that was not written yet */
    struct arci_buffer out;
    struct level levels[ARCI_TREE_DEPTH_MAX];
    size_t depth;     /* blocks that are open */
    size_t reached;   /* the same at the last entry: levels up to here may take comments at its end */
    size_t last_line; /* of the source, that is written */
    bool begun;
    bool no_blank;   /* the line before opened a block */
    bool want_blank; /* before the next line of the outermost block */
};

static void release_formatter(struct formatter *formatter)
{
    arci_comments_release(&formatter->comments);
    arci_buffer_release(&formatter->out);
}

/* --- Texts --- */

static void append_scalar(struct formatter *formatter, struct arci_buffer *out, const struct arci_node *node)
{
    const char *notation = formatter->source->text + node->start;
    size_t length = node->end - node->start;
    /* A dash alone is a text inside brackets, and opens an entry at the end of a line. */
    bool dash = length == 1 && notation[0] == '-';
    if (node->place.line == node->end_line && !dash)
        arci_buffer_append(out, notation, length);
    else
        arci_scalar_append_quoted(out, node->text);
}

static void append_flow(struct formatter *formatter, struct arci_buffer *out, const struct arci_node *node)
{
    if (node->kind == ARCI_NODE_SCALAR) {
        if (node->start == node->end)
            arci_buffer_text(out, "null");
        else
            append_scalar(formatter, out, node);
        return;
    }
    bool mapping = node->kind == ARCI_NODE_MAPPING;
    arci_buffer_text(out, mapping ? "{" : "[");
    for (const struct arci_node *child = node->first; child; child = child->next) {
        if (child->key) {
            append_scalar(formatter, out, child->key);
            arci_buffer_text(out, ": ");
        }
        append_flow(formatter, out, child);
        if (child->next)
            arci_buffer_text(out, ", ");
    }
    arci_buffer_text(out, mapping ? "}" : "]");
}

/* Whether a value goes on the line of its key or dash. */
static bool is_inline(struct formatter *formatter, const struct arci_node *node)
{
    if (node->kind == ARCI_NODE_SCALAR || !node->first)
        return true;
    if (!node->flow || node->place.line != node->end_line)
        return false;
    ARCI_BUFFER line = {.limit = LINE_LIMIT + 1};
    if (node->key) {
        append_scalar(formatter, &line, node->key);
        arci_buffer_text(&line, ":");
    } else {
        arci_buffer_text(&line, "-");
    }
    arci_buffer_text(&line, " ");
    append_flow(formatter, &line, node);
    return !line.failed && formatter->levels[formatter->depth - 1].indent + line.length <= LINE_LIMIT;
}

/* --- Lines --- */

static void indent(struct formatter *formatter, size_t spaces)
{
    for (; spaces > 0; spaces--)
        arci_buffer_text(&formatter->out, " ");
}

static void begin_line(struct formatter *formatter, size_t source_line, size_t spaces)
{
    bool blank = source_line > formatter->last_line && arci_source_blank(formatter->source, source_line - 1);
    if (formatter->want_blank && spaces == 0) {
        blank = true;
        formatter->want_blank = false;
    }
    if (blank && formatter->begun && !formatter->no_blank)
        arci_buffer_text(&formatter->out, "\n");
    formatter->begun = true;
    formatter->no_blank = false;
    formatter->last_line = source_line;
    indent(formatter, spaces);
}

static void append_comment(struct formatter *formatter, const struct arci_comment *comment)
{
    arci_buffer_append(&formatter->out, formatter->source->text + comment->start, comment->length);
    formatter->next++;
}

static const struct arci_comment *next_comment(const struct formatter *formatter)
{
    return formatter->next < formatter->comments.count ? &formatter->comments.items[formatter->next] : NULL;
}

static size_t indent_of(const struct formatter *formatter, const struct arci_comment *comment)
{
    for (size_t i = formatter->reached; i > formatter->depth; i--) {
        if (formatter->levels[i - 1].column <= comment->place.column)
            return formatter->levels[i - 1].indent;
    }
    return formatter->depth > 0 ? formatter->levels[formatter->depth - 1].indent : 0;
}

/* Comments before `limit`, on lines of their own. Those after `start` were inside the entry that comes next. */
static void write_comments(struct formatter *formatter, size_t start, size_t limit)
{
    const struct arci_comment *comment;
    while ((comment = next_comment(formatter)) && comment->start < limit) {
        size_t spaces = comment->start < start ? indent_of(formatter, comment)
                                               : formatter->levels[formatter->depth - 1].indent;
        begin_line(formatter, comment->place.line, spaces);
        append_comment(formatter, comment);
        arci_buffer_text(&formatter->out, "\n");
    }
}

/* Ends a line, behind the comment that stood there: nothing but indicators may have been before it. */
static void end_line(struct formatter *formatter, size_t end, size_t source_line)
{
    const struct arci_comment *comment = next_comment(formatter);
    if (source_line > formatter->last_line)
        formatter->last_line = source_line;
    if (comment && comment->place.line == source_line &&
        end + strspn(formatter->source->text + end, " \t,:[]{}-?") == comment->start) {
        arci_buffer_text(&formatter->out, "  ");
        append_comment(formatter, comment);
    }
    arci_buffer_text(&formatter->out, "\n");
}

/* --- Entries --- */

static size_t start_of(const struct arci_node *node)
{
    return node->key ? node->key->start : node->start;
}

/* Comments before this offset go before the line of an entry: what is on the line begins at it or later. */
static size_t limit_of(struct formatter *formatter, const struct arci_node *node)
{
    if (is_inline(formatter, node)) {
        bool nothing = node->kind == ARCI_NODE_SCALAR && node->start == node->end;
        return nothing && node->key ? node->key->end : node->end;
    }
    return node->key ? node->key->end : limit_of(formatter, node->first);
}

static void write_block(struct formatter *formatter, const struct arci_node *node, size_t spaces,
                        bool on_line);

static void write_inline(struct formatter *formatter, const struct arci_node *node)
{
    size_t end = node->end;
    size_t line = node->end_line;
    if (node->kind == ARCI_NODE_SCALAR && node->start == node->end) {
        end = node->key ? node->key->end : end;
        line = node->key ? node->key->end_line : line;
    } else {
        arci_buffer_text(&formatter->out, " ");
        append_flow(formatter, &formatter->out, node);
    }
    end_line(formatter, end, line);
}

/* `on_line`: behind the dash of the sequence around it. */
static void write_entry(struct formatter *formatter, const struct arci_node *node, bool on_line)
{
    size_t spaces = formatter->levels[formatter->depth - 1].indent;
    bool fits = is_inline(formatter, node);
    if (!on_line) {
        formatter->want_blank = formatter->depth == 1 && !fits;
        write_comments(formatter, start_of(node), limit_of(formatter, node));
        begin_line(formatter, node->key ? node->key->place.line : node->place.line, spaces);
    }
    formatter->reached = formatter->depth;
    if (node->key) {
        append_scalar(formatter, &formatter->out, node->key);
        arci_buffer_text(&formatter->out, ":");
    } else {
        arci_buffer_text(&formatter->out, "-");
    }
    if (fits) {
        write_inline(formatter, node);
    } else if (node->key) {
        end_line(formatter, node->key->end, node->key->end_line);
        formatter->no_blank = true;
        write_block(formatter, node, spaces + 2, false);
    } else {
        arci_buffer_text(&formatter->out, " ");
        write_block(formatter, node, spaces + 2, true);
    }
}

static void write_block(struct formatter *formatter, const struct arci_node *node, size_t spaces,
                        bool on_line)
{
    formatter->levels[formatter->depth++] = (struct level){node->place.column, spaces};
    formatter->reached = formatter->depth;
    for (const struct arci_node *child = node->first; child; child = child->next)
        write_entry(formatter, child, on_line && child == node->first);
    formatter->depth--;
}

static void write_mark(struct formatter *formatter, const struct arci_tree *tree)
{
    write_comments(formatter, tree->mark, tree->mark);
    begin_line(formatter, arci_source_place(formatter->source, tree->mark).line, 0);
    arci_buffer_text(&formatter->out, "---");
    end_line(formatter, tree->mark + 3, formatter->last_line);
    formatter->no_blank = true;
}

static void write_document(struct formatter *formatter, const struct arci_tree *tree)
{
    const struct arci_node *root = tree->root;
    if (tree->marked)
        write_mark(formatter, tree);
    if (root->first) {
        write_block(formatter, root, 0, false);
    } else {
        write_comments(formatter, root->start, root->start);
        begin_line(formatter, root->place.line, 0);
        arci_buffer_text(&formatter->out, "{}\n");
    }
    write_comments(formatter, SIZE_MAX, SIZE_MAX);
}

int arci_format(const struct arci_source *source, const struct arci_tree *tree, char **ret_text,
                struct arctic_error *error)
{
    ARCI_CLEANUP(release_formatter) struct formatter formatter = {.source = source};
    int code = arci_comments_read(source, &formatter.comments, error);
    if (code < 0)
        return code;
    write_document(&formatter, tree);
    char *text = arci_buffer_take_text(&formatter.out);
    if (!text)
        return arci_fail_memory(error);
    *ret_text = text;
    return ARCTIC_OK;
}
