// Loads the page. Where a part of it cannot be fetched, as when the machine changes its network in that moment, a browser gives all of it
// up and shows nothing; so the page is loaded again, ever later. What came is kept by the browser and not asked for twice.

const TRIES = 'rolling-router.tries';
const WAIT_MS = 500;
const WAIT_MS_MAX = 30_000;

try {
	await import('./gui.js');
	sessionStorage.removeItem(TRIES);
} catch (error) {
	const tries = Number(sessionStorage.getItem(TRIES));
	sessionStorage.setItem(TRIES, String(tries + 1));
	document.getElementById('root').append('A part of the page could not be loaded. It is tried again.');
	console.warn(error);
	setTimeout(() => location.reload(), Math.min(WAIT_MS * 2 ** tries, WAIT_MS_MAX));
}
