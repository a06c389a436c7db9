/* Takes its sockets by the libsystemd of this machine, and answers each connection with the name of its socket.

   The library is opened at run time, so no header and no -dev package is needed; exit status 77: it is not there. */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  void *library = dlopen("libsystemd.so.0", RTLD_NOW);
  if (!library) return 77;
  int (*listen_fds)(int, char ***) = (int (*)(int, char ***))dlsym(library, "sd_listen_fds_with_names");
  int (*is_socket)(int, int, int, int) = (int (*)(int, int, int, int))dlsym(library, "sd_is_socket");
  char **names = NULL;
  int count = listen_fds(1, &names);
  if (count < 1) return 1;
  struct pollfd wait[16];
  for (int i = 0; i < count; i++) {
    if (is_socket(3 + i, AF_UNSPEC, SOCK_STREAM, 1) <= 0) return 2;
    wait[i] = (struct pollfd){.fd = 3 + i, .events = POLLIN};
  }
  for (;;) {
    poll(wait, count, -1);
    for (int i = 0; i < count; i++) {
      if (!(wait[i].revents & POLLIN)) continue;
      int client = accept(3 + i, NULL, NULL);
      dprintf(client, "%s %d\n", names[i], getpid());
      close(client);
    }
  }
}
