/**
 * What a guest's network card is called, whatever its model and slot. The name must be set, not left to udev, because our
 * networkd drop-in goes by the name of the file that cloud-init writes for this interface.
 */
export function interfaceName(index: number): string {
  return `eth${index}`
}
