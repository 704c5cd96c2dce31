/**
 * A boot sector that enters long mode as every kernel does, real mode -> protected mode -> long mode, computes something
 * that needs 64 bits, and reports by QEMU's isa-debug-exit device. It proves that an accelerator runs guests.
 *
 * Made by `as sector.S -o sector.o && ld -m elf_x86_64 --oformat binary -Ttext 0x7c00 -o sector.bin sector.o` from:
 *
 *             .code16
 *     start:  cli
 *             cld
 *             xor     %ax, %ax
 *             mov     %ax, %ds
 *             mov     %ax, %es
 *             mov     %ax, %ss
 *             mov     $0x7c00, %sp
 *             mov     $0x1000, %di            # page tables at 0x1000, 0x2000, 0x3000
 *             mov     $0x1800, %cx
 *             rep stosw
 *             movw    $0x2003, 0x1000         # PML4[0] -> PDPT, present and writable
 *             movw    $0x3003, 0x2000         # PDPT[0] -> page directory
 *             movw    $0x0083, 0x3000         # the first 2 MiB as one page, at itself
 *             lgdt    gdtr
 *             mov     %cr0, %eax
 *             or      $1, %al                 # PE
 *             mov     %eax, %cr0
 *             ljmp    $0x08, $protected
 *             .code32
 *     protected:
 *             mov     $0x10, %ax
 *             mov     %ax, %ds
 *             mov     %ax, %ss
 *             mov     %cr4, %eax
 *             or      $0x20, %al              # PAE
 *             mov     %eax, %cr4
 *             mov     $0x1000, %eax
 *             mov     %eax, %cr3
 *             mov     $0xc0000080, %ecx       # EFER
 *             rdmsr
 *             or      $0x01, %ah              # LME
 *             wrmsr
 *             mov     %cr0, %eax
 *             or      $0x80000000, %eax       # PG: long mode is on
 *             mov     %eax, %cr0
 *             ljmp    $0x18, $long
 *             .code64
 *     long:   movabs  $0x0123456789abcdef, %rax
 *             mov     %rax, %r8
 *             mov     %rax, %r9
 *             mul     %r9
 *             mov     %rdx, %r15              # the upper half of the 128-bit square
 *             push    %r15
 *             pop     %r10
 *             mov     $1000000, %ecx
 *     spin:   lea     (%r10,%r8), %r10        # a million additions, which a multiplication takes back
 *             loop    spin
 *             imul    $1000000, %r8, %r11
 *             sub     %r11, %r10
 *             movabs  $0x00014b66dc33f6ac, %rbx
 *             mov     $0x2b, %al              # 64-bit arithmetic is wrong
 *             cmp     %rbx, %r10
 *             jne     report
 *             mov     $0x31, %al              # 64-bit arithmetic is right
 *     report: out     %al, $0xf4
 *     halt:   hlt
 *             jmp     halt
 *             .balign 8
 *     gdt:    .quad   0
 *             .quad   0x00cf9a000000ffff      # 0x08: 32-bit code
 *             .quad   0x00cf92000000ffff      # 0x10: data
 *             .quad   0x00af9a000000ffff      # 0x18: 64-bit code
 *     gdtr:   .word   gdtr - gdt - 1
 *             .long   gdt
 *             .org    510
 *             .word   0xaa55
 */
const CODE =
  'fafc31c08ed88ec08ed0bc007cbf0010b90018f3abc70600100320c70600200330c706003083000f0116d87c0f20c00c010f' +
  '22c0ea397c080066b810008ed88ed00f20e00c200f22e0b8001000000f22d8b9800000c00f3280cc010f300f20c00d000000' +
  '800f22c0ea6f7c0000180048b8efcdab89674523014989c04989c149f7e14989d74157415ab940420f004f8d1402e2fa4d69' +
  'd840420f004d29da48bbacf633dc664b0100b02b4939da7502b031e6f4f4ebfd66900000000000000000ffff0000009acf00' +
  'ffff00000092cf00ffff0000009aaf001f00b87c0000'

/** 512 bytes, ending in the signature that the BIOS looks for. */
export const BOOT_SECTOR: Buffer = Buffer.alloc(512)
BOOT_SECTOR.write(CODE, 'hex')
BOOT_SECTOR.writeUInt16LE(0xaa55, 510)

/** QEMU's exit code after the sector wrote 0x31: isa-debug-exit ends QEMU with `value << 1 | 1`. */
export const LONG_MODE_REACHED = (0x31 << 1) | 1
