mod classic;
mod edges;
mod elastic;
