// Where the router is on its host: below which path, if another proxy shows it.

/** The path that stands before every path of the router; empty at the router's own port. */
export const BASE = readBase(import.meta.url);

/** The path before `/ui/`, from which the files of the page come. */
export function readBase(url) {
	const { protocol, pathname } = new URL(url);
	const end = pathname.lastIndexOf('/ui/');
	return protocol.startsWith('http') && end > 0 ? pathname.slice(0, end) : '';
}
