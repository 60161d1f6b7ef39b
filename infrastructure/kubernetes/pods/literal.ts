/** Text as it is, for arguments and variables of a container: the kubelet would replace `$(NAME)` in it, and `$$`. */
export function literal(text: string): string {
  return text.replaceAll('$', () => '$$');
}
