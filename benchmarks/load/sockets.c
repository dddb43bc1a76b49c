/* Connections: how they are made, lost and made again, and how bytes go out and come in. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE (20 * MILLISECOND) /* between two attempts to reach a server that is down */
#define MOST_OPENING 64          /* attempts at a time: a server's queue of new connections is short */

/* One wake-up's bytes. Most answers are read from here and never copied. */
static char arrived[256 * 1024];

void append(struct line *line, struct connection *connection) {
    connection->before = line->last;
    connection->after = NULL;
    if (line->last) line->last->after = connection;
    else line->first = connection;
    line->last = connection;
}

void prepend(struct line *line, struct connection *connection) {
    connection->before = NULL;
    connection->after = line->first;
    if (line->first) line->first->before = connection;
    else line->last = connection;
    line->first = connection;
}

void detach(struct line *line, struct connection *connection) {
    if (connection->before) connection->before->after = connection->after;
    else line->first = connection->after;
    if (connection->after) connection->after->before = connection->before;
    else line->last = connection->before;
}

void occupy(struct run *run, struct connection *connection, bool has_request) {
    run->busy += (uint32_t)has_request - (uint32_t)connection->has_request;
    connection->has_request = has_request;
}

static void watch(struct run *run, struct connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(run->epoll, operation, connection->fd, &event) != 0)
        fail("A connection cannot be watched: %s.", strerror(errno));
}

/* The server did not take the connection: it waits in front of the others, and one at a time tries again. */
static void refused(struct run *run, struct connection *connection) {
    close(connection->fd);
    connection->state = WAITING;
    prepend(&run->waiting, connection);
    run->down = true;
    run->next_attempt = monotonic() + PAUSE;
}

static void start_connecting(struct run *run, struct connection *connection) {
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)run->job->port)};
    if (inet_pton(AF_INET, run->job->address, &peer.sin_addr) != 1)
        fail("The address must be an IPv4 address in digits, not %s.", run->job->address);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (connection->fd < 0) fail("A socket cannot be made: %s.", strerror(errno));
    int yes = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(connection->fd, (struct sockaddr *)&peer, sizeof peer) != 0 && errno != EINPROGRESS) {
        refused(run, connection);
        return;
    }
    connection->state = CONNECTING;
    run->opening++;
    watch(run, connection, EPOLL_CTL_ADD, EPOLLOUT);
}

bool may_connect(const struct run *run) {
    return run->waiting.first && run->opening < (run->down ? 1 : MOST_OPENING);
}

void reconnect(struct run *run, int64_t now) {
    while (may_connect(run) && now >= run->next_attempt) {
        struct connection *connection = run->waiting.first;
        detach(&run->waiting, connection);
        start_connecting(run, connection);
    }
}

/* While a server is down, the system may pick its port for our end, and TCP then connects the socket to itself: the
 * server could not take its port again. */
static bool met_itself(const struct connection *connection, int64_t port) {
    struct sockaddr_in own = {0};
    socklen_t size = sizeof own;
    getsockname(connection->fd, (struct sockaddr *)&own, &size);
    return ntohs(own.sin_port) == port;
}

void finish_connecting(struct run *run, struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    run->opening--;
    if (error || met_itself(connection, run->job->port)) {
        refused(run, connection);
        return;
    }
    run->down = false;
    if (connection->opened_before) run->reconnects++;
    connection->opened_before = true;
    connection->wants_write = false;
    watch(run, connection, EPOLL_CTL_MOD, EPOLLIN);
    if (connection->has_request) {
        connection->state = BUSY;
        transmit(run, connection);
    } else {
        offer(run, connection);
    }
}

/* Closes the connection, which joins those that wait for a new one. A request that it has is sent again there. */
static void reopen(struct run *run, struct connection *connection) {
    close(connection->fd);
    connection->state = WAITING;
    connection->sent = 0;
    connection->unread = 0;
    connection->partial.size = 0;
    connection->head = (struct head){0};
    append(&run->waiting, connection);
}

static void drop(struct run *run, struct connection *connection) {
    if (connection->state == IDLE) detach(&run->idle, connection);
    if (connection->has_request) occupy(run, connection, run->workload->lost(run, connection));
    reopen(run, connection);
}

void transmit(struct run *run, struct connection *connection) {
    struct text rest = connection->request;
    rest.bytes += connection->sent;
    rest.size -= connection->sent;
    ssize_t gone = send(connection->fd, rest.bytes, rest.size, MSG_NOSIGNAL);
    if (gone < 0 && errno != EAGAIN && errno != EINTR) {
        drop(run, connection);
        return;
    }
    if (gone > 0) {
        connection->sent += (size_t)gone;
        if (run->phase == MEASURING) run->bytes_written += (uint64_t)gone;
    }
    bool wants_write = connection->sent < connection->request.size;
    if (wants_write != connection->wants_write) {
        connection->wants_write = wants_write;
        watch(run, connection, EPOLL_CTL_MOD, wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

void offer(struct run *run, struct connection *connection) {
    bool open = run->phase == WARMING || run->phase == MEASURING;
    if (open && run->workload->begin(run, connection)) {
        connection->state = BUSY;
        connection->sent = 0;
        occupy(run, connection, true);
        transmit(run, connection);
    } else {
        connection->state = IDLE;
        append(&run->idle, connection);
    }
}

static void complete(struct run *run, struct connection *connection, struct text body) {
    struct answer answer = {connection->head.status, body};
    /* An answer that overtakes its own request leaves the connection in the middle of that request. */
    bool closes = connection->head.closes || connection->sent < connection->request.size;
    bool more = run->workload->answered(run, connection, &answer);
    connection->head = (struct head){0};
    connection->partial.size = 0;
    connection->sent = 0;
    occupy(run, connection, more);
    if (closes) reopen(run, connection);
    else if (more) transmit(run, connection);
    else offer(run, connection);
}

/* Keeps what came so far of an answer; it may be kept already. */
static void keep(struct connection *connection, struct text piece) {
    if (piece.bytes != connection->partial.bytes) put(&connection->partial, piece);
}

static void take(struct run *run, struct connection *connection, struct text piece) {
    if (connection->partial.size) {
        put(&connection->partial, piece);
        piece = (struct text){connection->partial.bytes, connection->partial.size};
    }
    struct head *head = &connection->head;
    if (!head->size) {
        const char *unreadable = read_head(piece, head);
        if (unreadable) fail("The server's answer is refused: %s", unreadable);
        if (!head->size) {
            keep(connection, piece);
            return;
        }
    }
    size_t whole = head->size + head->body;
    if (piece.size > whole) fail("The server's answer is refused: it is longer than its Content-Length.");
    if (piece.size == whole) {
        complete(run, connection, (struct text){piece.bytes + head->size, head->body});
    } else if (run->workload->keeps_bodies) {
        keep(connection, piece);
    } else {
        connection->unread = whole - piece.size;
        connection->partial.size = 0;
    }
}

void receive(struct run *run, struct connection *connection) {
    ssize_t got = recv(connection->fd, arrived, sizeof arrived, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 || !connection->has_request) {
        drop(run, connection);
        return;
    }
    size_t size = (size_t)got;
    if (run->phase == MEASURING) run->bytes_read += size;
    if (!connection->unread) {
        take(run, connection, (struct text){arrived, size});
        return;
    }
    if (size > connection->unread) fail("The server's answer is refused: it is longer than its Content-Length.");
    connection->unread -= size;
    if (!connection->unread) complete(run, connection, (struct text){"", 0});
}
