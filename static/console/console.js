/* The console's behaviour, one file a subject. Collected, it is one file: see clusterportal/static_files.py. */
import "./menus.js";
import "./live.js";
