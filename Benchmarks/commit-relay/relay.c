// The bare way of a durable line: TCP, an event loop, a thread that may block, one INSERT of one row, and back.
// It does for one connection what no program can leave out whose event loop never waits for the database.
//
// usage: commit-relay URL        (the table: Benchmarks/postgres/table.sql); says listen=HOST:PORT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { line_bytes_max = 65536, poll_milliseconds = 250 };

static const char *const insert =
    "INSERT INTO bench_tasks (task_id, name, image, spec, status, created_at) VALUES ('t' || lpad($1::text, 12, '0'),"
    " 'resize-image', 'registry.example/images:1.4', repeat('x', 210), 'pending', now())";

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static bool waits;
static int committed;

static void fail(const char *why) {
    fprintf(stderr, "commit-relay: %s\n", why);
    exit(1);
}

static void insert_row(PGconn *connection, long number) {
    char id[24];
    snprintf(id, sizeof id, "%ld", number);
    const char *const values[] = {id};
    if (!PQsendQueryPrepared(connection, "insert", 1, values, NULL, NULL, 0)) fail(PQerrorMessage(connection));
    while (PQflush(connection) > 0) {}
    for (;;) {
        while (PQisBusy(connection)) {
            struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};
            poll(&socket, 1, poll_milliseconds);
            if (!PQconsumeInput(connection)) fail(PQerrorMessage(connection));
        }
        PGresult *result = PQgetResult(connection);
        if (result == NULL) return;
        if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(PQresultErrorMessage(result));
        PQclear(result);
    }
}

static void *store(void *url) {
    PGconn *connection = PQconnectdb(url);
    if (PQstatus(connection) != CONNECTION_OK) fail(PQerrorMessage(connection));
    PQclear(PQprepare(connection, "insert", insert, 0, NULL));
    PQsetnonblocking(connection, 1);
    const uint64_t one = 1;
    for (long number = 1;; number++) {
        pthread_mutex_lock(&mutex);
        while (!waits) pthread_cond_wait(&arrived, &mutex);
        waits = false;
        pthread_mutex_unlock(&mutex);
        insert_row(connection, number);
        if (write(committed, &one, sizeof one) != sizeof one) fail("eventfd");
    }
    return NULL;
}

// One line at a time, as the load sends them; its end is the end of the connection.
static void relay(int client, int events) {
    static char line[line_bytes_max];
    ssize_t count = 0;
    for (;;) {
        struct epoll_event ready[2];
        int found = epoll_wait(events, ready, 2, -1);
        for (int index = 0; index < found; index++) {
            if (ready[index].data.fd == client) {
                count = read(client, line, sizeof line);
                if (count <= 0) return;
                pthread_mutex_lock(&mutex);
                waits = true;
                pthread_cond_signal(&arrived);
                pthread_mutex_unlock(&mutex);
            } else {
                uint64_t turns;
                if (read(committed, &turns, sizeof turns) < 0 || write(client, line, (size_t)count) != count) return;
            }
        }
    }
}

static void watch(int events, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

int main(int count, char **arguments) {
    if (count != 2) fail("usage: commit-relay URL");
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("cannot listen");
    committed = eventfd(0, EFD_NONBLOCK);
    pthread_t thread;
    if (committed < 0 || pthread_create(&thread, NULL, store, arguments[1]) != 0) fail("no thread");
    printf("listen=127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL), events = epoll_create1(0);
        if (client < 0 || events < 0) fail("accept");
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(events, client);
        watch(events, committed);
        relay(client, events);
        close(events);
        close(client);
    }
}
