# A disk with nothing on it but a boot sector: says so on the serial line, and stops.  A machine
# that lost its boot flag ends here.
.code16
.globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw $message, %si
next:
    lodsb
    testb %al, %al
    jz stop
    movb %al, %bl
    movw $0x3fd, %dx        # COM1: wait until it takes a byte
full:
    inb %dx, %al
    testb $0x20, %al
    jz full
    movb %bl, %al
    movw $0x3f8, %dx
    outb %al, %dx
    jmp next
stop:
    hlt
    jmp stop
message:
    .asciz "\r\nLOCAL DISK BOOT\r\n"
.org 510
.word 0xaa55
