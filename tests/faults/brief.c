/* brief FILE COUNT FIFO: ends at once, having added a byte to the file; the one that makes it COUNT long says so and stays. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct stat file;
    int fd = argc == 4 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &file))
        return 1;
    if (file.st_size < atol(argv[2]))
        return 0;
    fd = open(argv[3], O_WRONLY);
    return write(fd, "x", 1) == 1 ? pause() : 1;
}
