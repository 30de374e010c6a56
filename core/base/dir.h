/*
 * core/base/dir.h - folders.
 *
 * Errors   what cannot be removed stays; nothing is said
 * Thread   main, or a program's only one: nftw is not for several at a time
 */
#ifndef BASE_DIR_H
#define BASE_DIR_H

void dir_remove(const char *path); /* a folder of ours with all that is in it; links are not followed */

#endif
