/* remove_tree.h - a test's folder, with all that is in it, goes. Links are not followed. 0 or -1. */
#ifndef POWERCTL_TEST_REMOVE_TREE_H
#define POWERCTL_TEST_REMOVE_TREE_H

int remove_tree(const char *path);

#endif
