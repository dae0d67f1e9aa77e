#ifndef START_H
#define START_H

int main(void);
void print(const char *text);

#endif
