# U-Boot runs this from the board's flash, when it found nothing to boot on the card.
# In QEMU it does not: the card answers every second attempt to initialise it only.
mmc rescan || mmc rescan
sysboot mmc 0:3 fat ${scriptaddr} /extlinux/extlinux.conf
